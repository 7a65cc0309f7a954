//! A million requests with odd paths, queries and headers, signed by aws-sigv4: the gate computes the same
//! signatures, and another one for whatever was changed behind the signer's back.
//!
//! `HAMSTER_CANONICAL` (1,000,000) requests, drawn from `HAMSTER_SEED` (1).

use hamster_core::{Entropy, WallTime};
use hamster_net::http::{Head, Request, RequestBody};
use hamster_s3::gate::{ROUTES, Routed, Verified};
use hamster_s3::{Code, Credentials};
use stage::sign::{Place, Signing, encode};
use std::env;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

mod stage;

const USER: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
const NOW: WallTime = WallTime::from_secs(1_369_353_600);
/// What keys, names and values are made of.
const PIECES: [&str; 40] = [
    "a",
    "Z",
    "0",
    "-",
    ".",
    "_",
    "~",
    "/",
    "//",
    "..",
    "./",
    "%",
    "%2F",
    "+",
    " ",
    "  ",
    "*",
    "!",
    "'",
    "(",
    ")",
    ";",
    ":",
    "@",
    "&",
    "=",
    "$",
    ",",
    "?",
    "#",
    "[",
    "]",
    "\"",
    "<",
    "\\",
    "^",
    "`",
    "\u{e9}",
    "\u{65e5}\u{672c}",
    "\u{1f439}",
];
/// What only keys and queries may hold.
const CONTROLS: [&str; 5] = ["\0", "\n", "\t", "\u{7f}", "\u{85}"];

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

struct Chance(Entropy);

impl Chance {
    fn below(&self, below: usize) -> usize {
        usize::try_from(self.0.below(below as u64)).expect("small")
    }

    fn one_in(&self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// Up to `count` pieces.
    fn text(&self, count: usize, controls: bool) -> String {
        let piece = |_| match controls && self.one_in(16) {
            true => CONTROLS[self.below(CONTROLS.len())],
            false => PIECES[self.below(PIECES.len())],
        };
        (0..self.below(count + 1)).map(piece).collect()
    }

    /// `text` as a client may write it in a query: a space as `+`, more encoded than need be, in capitals
    /// or not.
    fn query_text(&self, text: &str) -> String {
        let mut out = String::new();
        for byte in text.bytes() {
            let plain = encode(&[byte]);
            match byte {
                b' ' if self.one_in(2) => out.push('+'),
                _ if self.one_in(8) => out.push_str(&format!("%{byte:02x}")),
                b'!' | b'*' | b'\'' | b'(' | b')' | b'/' | b':' | b'@' | b'?' | b';' | b','
                    if self.one_in(2) =>
                {
                    out.push(char::from(byte));
                }
                _ => out.push_str(&plain),
            }
        }
        out
    }

    fn path(&self) -> String {
        let key = format!("k{}", self.text(8, true));
        let segments: Vec<_> = key.split('/').map(|segment| encode(segment.as_bytes())).collect();
        let path = format!("/bucket/{}", segments.join("/"));
        // An encoded slash is another byte of the key.
        if self.one_in(4) { path.replacen("/k", "/k%2F", 1) } else { path }
    }

    /// A query, and whether a name in it is bare or without a value.
    fn query(&self) -> (String, bool) {
        let (mut pairs, mut bare) = (Vec::new(), false);
        for _ in 0..self.below(5) {
            let mut name = self.text(3, true);
            if ROUTES.iter().any(|route| route.query.contains(&name.as_str())) {
                name.push('z');
            }
            let name = if self.one_in(4) { "twice".to_owned() } else { name };
            let (name, value) = (self.query_text(&name), self.text(4, true));
            bare |= value.is_empty();
            pairs.push(match value.is_empty() && self.one_in(2) {
                true => name,
                false => format!("{name}={}", self.query_text(&value)),
            });
            if self.one_in(16) {
                pairs.push(String::new());
            }
        }
        (pairs.join("&"), bare)
    }

    fn headers(&self) -> Vec<(String, String)> {
        const NAMES: [&str; 6] = [
            "x-amz-meta-a",
            "x-amz-meta-B",
            "X-Amz-Meta-Long-Name_1.2",
            "range",
            "content-type",
            "x-amz-meta-!#$%&'*+.^`|~",
        ];
        (0..self.below(5))
            .map(|_| (NAMES[self.below(NAMES.len())].to_owned(), self.text(6, false)))
            .collect()
    }
}

fn verify(
    method: &str,
    target: &str,
    headers: &[(String, String)],
    credentials: &Credentials,
    region: &Rc<str>,
) -> Result<(), Code> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: hamster\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let head = Head::parse(text.as_bytes()).expect("well formed").expect("complete").0;
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let request =
        Request { head, body: RequestBody::whole(Default::default()), peer, secure: false };
    Routed::of(request, None)
        .and_then(|routed| Verified::check(routed, credentials, region, NOW))
        .map(drop)
        .map_err(|error| error.code())
}

/// Something else than what was signed.
fn change(chance: &Chance, target: &mut String, headers: &mut [(String, String)]) {
    let own = headers.iter().position(|(name, value)| {
        name.to_lowercase().starts_with("x-amz-meta-") && !value.trim().is_empty()
    });
    match (chance.below(4), own) {
        (0, _) => *target = target.replacen("/bucket/k", "/bucket/kk", 1),
        (1, _) => target.push_str(if target.contains('?') { "&y=1" } else { "?y=1" }),
        (2, Some(own)) => headers[own].1.push('x'),
        (3, Some(own)) => headers[own].1.insert_str(0, ". ."),
        _ => *target = target.replacen("/bucket/", "/bucket//", 1),
    }
}

#[test]
fn an_independent_signer_agrees_a_million_times() {
    let (count, seed) = (setting("HAMSTER_CANONICAL", 1_000_000), setting("HAMSTER_SEED", 1));
    println!("canonical requests: seed {seed}");
    let chance = Chance(Entropy::seeded(seed));
    let credentials = Credentials::new(Some(USER), None).expect("good");
    let region: Rc<str> = Rc::from("us-east-1");
    let (mut right, mut wrong) = (0_u64, 0_u64);
    for number in 0..count {
        let (query, bare) = chance.query();
        let path = chance.path();
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        // Why: of a write, a bare name that no row knows is refused before anyone looks at signatures.
        let methods = ["GET", "HEAD", "PUT", "DELETE"];
        let method = methods[chance.below(if bare { 2 } else { 4 })];
        let place = if chance.one_in(2) { Place::Header } else { Place::Query };
        let headers = chance.headers();
        let own: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.trim())).collect();
        let payload = "UNSIGNED-PAYLOAD";
        let signing = Signing { user: USER, at: NOW, place, payload };
        let (mut target, signed) = signing.sign(method, &target, &own);
        // On the wire with the white space that was there.
        let behind = signed.into_iter().skip(own.len());
        let mut headers: Vec<_> = headers.into_iter().chain(behind).collect();
        let outcome = verify(method, &target, &headers, &credentials, &region);
        assert_eq!(outcome, Ok(()), "request {number}: {method} {target} {headers:?}");
        right += 1;
        if chance.one_in(4) {
            change(&chance, &mut target, &mut headers);
            let outcome = verify(method, &target, &headers, &credentials, &region);
            let refused = Err(Code::SignatureDoesNotMatch);
            assert_eq!(outcome, refused, "request {number}: {method} {target} {headers:?}");
            wrong += 1;
        }
    }
    // Shown also where a test's output is not.
    let _ = writeln!(
        std::io::stderr(),
        "canonical requests: {right} signed by aws-sigv4 and accepted, {wrong} changed and refused"
    );
}
