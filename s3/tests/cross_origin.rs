//! Scripts of web pages: the bucket's CORS rules, preflights, and what answers tell browsers.

mod stage;

use stage::{ALICE, BOB, on_stage};

const RULES: &str = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
    <AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>\
    <AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>Authorization</AllowedHeader>\
    <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>30</MaxAgeSeconds></CORSRule>\
    <CORSRule><AllowedMethod>HEAD</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>\
    </CORSConfiguration>";
const ORIGIN: (&str, &str) = ("origin", "https://www.example.com");

#[test]
fn rules_are_put_and_got_and_deleted_by_the_owner_alone() {
    on_stage(50, 1, 4, |stage| async move {
        let mut client = stage.client(ALICE).await;
        client.put("/bucket", b"").await;
        assert_eq!(client.get("/bucket?cors").await.refusal(), (404, "NoSuchCORSConfiguration"));
        let set = client.put("/bucket?cors", RULES.as_bytes()).await;
        assert_eq!(set.status, 200, "{}", set.text());
        let got = client.get("/bucket?cors").await;
        assert_eq!(got.elements("AllowedMethod"), ["GET", "PUT", "HEAD"]);
        assert_eq!(got.elements("MaxAgeSeconds"), ["30"]);
        let bad = RULES.replace("PUT", "PATCH");
        let refused = client.put("/bucket?cors", bad.as_bytes()).await;
        assert_eq!(refused.refusal(), (400, "InvalidRequest"));
        assert_eq!(client.get("/bucket?cors").await.body, got.body, "nothing changed");

        let mut other = stage.client(BOB).await;
        assert_eq!(other.get("/bucket?cors").await.refusal(), (403, "AccessDenied"));
        let gone = other.send("DELETE", "/bucket?cors", &[], b"").await;
        assert_eq!(gone.refusal(), (403, "AccessDenied"));
        assert_eq!(client.send("DELETE", "/bucket?cors", &[], b"").await.status, 204);
        assert_eq!(client.get("/bucket?cors").await.refusal(), (404, "NoSuchCORSConfiguration"));
    });
}

#[test]
fn a_preflight_needs_no_signature_and_tells_what_the_rules_allow() {
    on_stage(51, 2, 4, |stage| async move {
        let mut client = stage.client(ALICE).await;
        client.put("/bucket", b"").await;
        client.put("/bucket/k", b"bytes").await;
        let put = ("access-control-request-method", "PUT");
        let ask = [ORIGIN, put, ("access-control-request-headers", "X-Amz-Date, authorization")];
        let none = client.send_as_is("OPTIONS", "/bucket/k", &ask, b"").await;
        assert_eq!(none.refusal(), (403, "AccessForbidden"), "no rules");
        client.put("/bucket?cors", RULES.as_bytes()).await;
        for target in ["/bucket/k", "/bucket/not-there", "/bucket"] {
            let may = client.send_as_is("OPTIONS", target, &ask, b"").await;
            assert_eq!(may.status, 200, "{}", may.text());
            assert_eq!(may.header("access-control-allow-origin"), Some(ORIGIN.1));
            assert_eq!(may.header("access-control-allow-methods"), Some("GET, PUT"));
            let headers = may.header("access-control-allow-headers");
            assert_eq!(headers, Some("x-amz-date, authorization"));
            assert_eq!(may.header("access-control-max-age"), Some("30"));
            assert!(may.header("vary").is_some_and(|vary| vary.contains("Origin")));
            assert!(may.body.is_empty());
        }
        let delete = ("access-control-request-method", "DELETE");
        let elsewhere = ("origin", "https://example.org");
        let cookie = ("access-control-request-headers", "cookie");
        for refused in [&[ORIGIN, delete][..], &[elsewhere, put], &[ORIGIN, put, cookie]] {
            let answer = client.send_as_is("OPTIONS", "/bucket/k", refused, b"").await;
            assert_eq!(answer.refusal(), (403, "AccessForbidden"), "{refused:?}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        for incomplete in [&[ORIGIN][..], &[put]] {
            let answer = client.send_as_is("OPTIONS", "/bucket/k", incomplete, b"").await;
            assert_eq!(answer.refusal(), (400, "BadRequest"), "{incomplete:?}");
        }
        let nowhere = client.send_as_is("OPTIONS", "/no-bucket/k", &ask, b"").await;
        assert_eq!(nowhere.refusal(), none.refusal(), "nobody learns which buckets there are");
    });
}

#[test]
fn an_answer_tells_the_browser_that_its_script_may_read_it() {
    on_stage(52, 1, 4, |stage| async move {
        let mut client = stage.client(ALICE).await;
        client.put("/bucket", b"").await;
        client.put("/bucket/k", b"bytes").await;
        client.put("/bucket?cors", RULES.as_bytes()).await;
        let got = client.send("GET", "/bucket/k", &[ORIGIN], b"").await;
        assert_eq!((got.status, &*got.body), (200, &b"bytes"[..]));
        assert_eq!(got.header("access-control-allow-origin"), Some(ORIGIN.1));
        assert_eq!(got.header("access-control-expose-headers"), Some("ETag"));
        assert_eq!(got.header("access-control-allow-credentials"), Some("true"));
        let head = client.send("HEAD", "/bucket/k", &[("origin", "null")], b"").await;
        assert_eq!(head.header("access-control-allow-origin"), Some("*"));
        assert_eq!(head.header("access-control-allow-credentials"), None);
        // A refusal as well: the script may see why.
        let refused = client.send_as_is("GET", "/bucket/k", &[ORIGIN], b"").await;
        assert_eq!(refused.refusal(), (403, "AccessDenied"));
        assert_eq!(refused.header("access-control-allow-origin"), Some(ORIGIN.1));
        for (method, origin) in [("DELETE", ORIGIN.1), ("GET", "https://example.org")] {
            let answer = client.send(method, "/bucket/k", &[("origin", origin)], b"").await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {origin}");
        }
        assert_eq!(client.get("/bucket").await.header("access-control-allow-origin"), None);
    });
}
