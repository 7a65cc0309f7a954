//! Facts about forms: what is well-formed is read however it arrives, all else is refused; and what a
//! policy does not allow is refused.

use super::file::Step;
use super::{FileDecoder, Form, HeadReader, Policy, Progress, boundary};
use crate::error::{Code, S3Error};
use crate::testing::{NOW, head};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hamster_core::WallTime;
use hamster_core::limits::{FORM_FIELDS_BYTES_MAX, FORM_FIELDS_MAX};

const BOUNDARY: &str = "xYzZY";

/// A form with these fields and this file, as a browser sends it.
fn wire(fields: &[(&str, &str)], filename: &str, file: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (name, value) in fields {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"");
        wire.extend(format!("{head}\r\n\r\n{value}\r\n").into_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
         Content-Type: text/plain\r\n\r\n"
    );
    wire.extend(head.into_bytes());
    wire.extend(file);
    wire.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    wire
}

/// Reads a form whose bytes arrive in such pieces: its fields, its file.
fn read(wire: &[u8], piece: usize) -> Result<(Form, Vec<u8>), S3Error> {
    let mut reader = HeadReader::new(BOUNDARY);
    let mut pieces = wire.chunks(piece);
    let mut rest = loop {
        let piece = pieces.next().ok_or(Code::IncompleteBody)?;
        if let Progress::File { surplus } = reader.feed(piece)? {
            break &piece[piece.len() - surplus..];
        }
    };
    let (mut decoder, mut file) = (FileDecoder::new(BOUNDARY), Vec::new());
    while !decoder.is_at_end() {
        if rest.is_empty() {
            rest = pieces.next().ok_or(Code::IncompleteBody)?;
        }
        let count = match decoder.step(rest)? {
            Step::Payload(count) => {
                file.extend(&rest[..count]);
                count
            }
            Step::Held(count) => {
                file.extend(&decoder.delimiter()[..count]);
                0
            }
            Step::Framing(count) => count,
            Step::End => 0,
        };
        rest = &rest[count..];
    }
    Ok((reader.into_form(), file))
}

/// Reads a form in all ways that bytes may arrive; they must not differ.
#[track_caller]
fn read_all_ways(wire: &[u8]) -> Result<(Form, Vec<u8>), Code> {
    let of = |piece| read(wire, piece).map_err(|error| error.code());
    let whole = of(usize::MAX);
    for piece in [1, 2, 3, 7, 64] {
        assert_eq!(of(piece), whole, "in pieces of {piece}");
    }
    whole
}

fn form(fields: &[(&str, &str)]) -> Form {
    read_all_ways(&wire(fields, "f", b"")).expect("well formed").0
}

#[test]
fn fields_and_file_come_out_as_they_went_in() {
    let fields =
        [("key", "a/b"), ("Content-Type", "text/plain"), ("empty", ""), ("x", "1\r\n2 \u{e9}")];
    let near_misses: Vec<u8> = [
        "\r\n--xYzZ",
        "\r\n--xYzZy",
        "\r",
        "\r\r\n",
        "\r\n\r\n--",
        "--xYzZY",
        "\n--xYzZY",
        "\r\n-\r\n--xYzZ\r\n--xYz",
    ]
    .concat()
    .into();
    for file in [&b""[..], b"hello", b"\r\n", b"\r", b"-", &[0, 255, 13, 10, 45, 45], &near_misses]
    {
        let (form, read) = read_all_ways(&wire(&fields, "f", file)).expect("well formed");
        assert!(read == file, "{file:?}: {read:?}");
        for (name, value) in fields {
            assert_eq!(form.get(&name.to_uppercase()), Some(value));
        }
    }
}

#[test]
fn what_follows_the_file_is_ignored() {
    let mut behind = wire(&[("key", "k")], "f", b"hello");
    behind.truncate(behind.len() - 4);
    behind.extend(b"\r\nnonsense: \n\n\r\n--xYzZY--");
    assert_eq!(read_all_ways(&behind).map(|(_, file)| file), Ok(b"hello".to_vec()));
}

#[test]
fn a_form_in_doubt_is_refused() {
    let good = "Content-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--xYzZY--\r\n";
    let all: [(String, Code); 24] = [
        (String::new(), Code::IncompleteBody),
        ("hello".to_owned(), Code::MalformedPOSTRequest),
        (format!("\r\n--xYzZY\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("preamble\r\n--xYzZY\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY \r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZYx\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZ\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY\r\n\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY\r\n {good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY\r\nX: y\r\n folded\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY\r\nX: \0\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY\r\nX: a\nb\r\n{good}"), Code::MalformedPOSTRequest),
        (format!("--xYzZY\r\nX y: z\r\n{good}"), Code::MalformedPOSTRequest),
        (
            format!("--xYzZY\r\nContent-Disposition: form-data; name=\"a\"\r\n{good}"),
            Code::MalformedPOSTRequest,
        ),
        (
            format!("--xYzZY\r\nContent-Transfer-Encoding: base64\r\n{good}"),
            Code::MalformedPOSTRequest,
        ),
        (
            "--xYzZY\r\nContent-Disposition: form-data\r\n\r\n".to_owned(),
            Code::MalformedPOSTRequest,
        ),
        (
            "--xYzZY\r\nContent-Disposition: file; name=\"file\"\r\n\r\n".to_owned(),
            Code::MalformedPOSTRequest,
        ),
        (
            "--xYzZY\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n".to_owned(),
            Code::MalformedPOSTRequest,
        ),
        (
            "--xYzZY\r\nContent-Disposition: form-data; name=\"a\r\n\r\n".to_owned(),
            Code::MalformedPOSTRequest,
        ),
        ("--xYzZY\r\nX: y\r\n\r\n".to_owned(), Code::MalformedPOSTRequest),
        ("--xYzZY--\r\n".to_owned(), Code::InvalidArgument),
        (
            format!("--xYzZY\r\n{}", good.replace("--xYzZY--", "--xYzZY-x")),
            Code::MalformedPOSTRequest,
        ),
        (format!("--xYzZY\r\n{}", good.replace("\r\n--xYzZY--", "")), Code::IncompleteBody),
    ];
    for (text, code) in all {
        assert_eq!(read_all_ways(text.as_bytes()).map(|_| ()), Err(code), "{text:?}");
    }
    let not_utf_8 = wire(&[("key", "k")], "f", b"")
        .iter()
        .map(|byte| if *byte == b'k' { 0xff } else { *byte })
        .collect::<Vec<_>>();
    assert!(read_all_ways(&not_utf_8).is_err());
}

#[test]
fn forms_have_bounds() {
    let fits = "v".repeat(FORM_FIELDS_BYTES_MAX - 1);
    assert!(read(&wire(&[("n", &fits)], "f", b""), 4096).is_ok());
    let refused = |wire: &[u8]| read(wire, 4096).map(|_| ()).map_err(|error| error.code());
    let over = Err(Code::MaxPostPreDataLengthExceeded);
    assert_eq!(refused(&wire(&[("nn", &fits)], "f", b"")), over);
    let endless = wire(&[("n", &"v".repeat(1 << 20))], "f", b"");
    assert_eq!(refused(&endless), over);
    let names: Vec<_> = (0..=FORM_FIELDS_MAX).map(|index| index.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert!(refused(&wire(&many[1..], "f", b"")).is_ok());
    assert_eq!(refused(&wire(&many, "f", b"")), over);
    let long_head = wire(&[(&"n".repeat(5000), "")], "f", b"");
    assert_eq!(refused(&long_head), Err(Code::MalformedPOSTRequest));
    // The file's name in a thousand places.
    let grown = wire(&[("key", &"${filename}".repeat(1000))], &"f".repeat(1000), b"");
    assert_eq!(refused(&grown), over);
}

#[test]
fn the_file_s_name_takes_its_place() {
    for (sent, name) in [
        ("f.txt", "f.txt"),
        ("C:\\Program Files\\directory1\\file.txt", "file.txt"),
        ("a/b/c", "c"),
        ("a/", ""),
        ("", ""),
    ] {
        let fields = [("key", "u/${filename}!"), ("policy", "${filename}"), ("n", "$filename}")];
        let (form, _) = read_all_ways(&wire(&fields, sent, b"")).expect("well formed");
        assert_eq!(form.get("key"), Some(&*format!("u/{name}!")), "{sent}");
        assert_eq!(form.filename(), name);
        assert_eq!(form.get("policy"), Some("${filename}"), "signed as sent");
        assert_eq!(form.get("n"), Some("$filename}"));
    }
}

#[test]
fn a_field_comes_once() {
    let twice = |name: &str| {
        let fields = [(name, "a"), (&*name.to_uppercase(), "b")];
        read_all_ways(&wire(&fields, "f", b"")).map(|(form, _)| form.get(name).map(str::to_owned))
    };
    for name in ["key", "policy", "x-amz-signature", "acl", "content-type"] {
        assert_eq!(twice(name), Err(Code::InvalidArgument), "{name}");
    }
    assert_eq!(twice("x-amz-meta-tag"), Ok(Some("a,b".to_owned())));
    assert_eq!(twice("x-ignore-this"), Ok(None));
}

#[test]
fn fields_stand_for_headers() {
    let fields = form(&[
        ("key", "k"),
        ("aCl", "private"),
        ("Content-Type", "text/plain"),
        ("X-Amz-Meta-A", "\u{e9}"),
        ("success_action_status", "200"),
    ]);
    let headers = fields.headers().expect("good");
    let pairs: Vec<_> = headers.iter().collect();
    let expected =
        [("x-amz-acl", "private"), ("content-type", "text/plain"), ("x-amz-meta-a", "\u{e9}")];
    assert_eq!(pairs, expected);
    for (name, value) in [("x-amz-meta-a", "b\r\nset-cookie: c"), ("x-amz-meta-a b", "c")] {
        let refused = form(&[(name, value)]).headers().map(|_| ()).map_err(|error| error.code());
        assert_eq!(refused, Err(Code::InvalidArgument), "{name}: {value:?}");
    }
}

#[test]
fn the_boundary_is_read_strictly() {
    let of = |content_type: &str| {
        let head = head("POST", "/b", &[("content-type", content_type)]);
        boundary(head.headers()).map_err(|error| error.code())
    };
    let longest = "b".repeat(70);
    for good in ["xYz", "'()+_,-./:=?", &longest, "a b"] {
        let quoted = format!("Multipart/Form-Data; charset=utf-8; Boundary=\"{good}\"");
        assert_eq!(of(&quoted), Ok(good.to_owned()));
    }
    assert_eq!(of("multipart/form-data;boundary=----WebKitA0"), Ok("----WebKitA0".to_owned()));
    for other in
        ["", "text/html", "multipart/mixed; boundary=a", "multipart/form-datax; boundary=a"]
    {
        assert_eq!(of(other), Err(Code::PreconditionFailed), "{other}");
    }
    for bad in [
        "",
        "; boundary=",
        "; boundary=\"a \"",
        "; boundary=a; boundary=b",
        "; boundary=\"a\u{e9}\"",
        "; boundary=\"a",
    ] {
        assert_eq!(
            of(&format!("multipart/form-data{bad}")),
            Err(Code::MalformedPOSTRequest),
            "{bad}"
        );
    }
    let longer = format!("multipart/form-data; boundary={longest}b");
    assert_eq!(of(&longer), Err(Code::MalformedPOSTRequest));
}

/// A policy with these conditions, still good.
fn policy(conditions: &str) -> String {
    format!("{{\"expiration\": \"2013-05-24T00:00:01Z\", \"conditions\": [{conditions}]}}")
}

/// Holds a form for `bucket` against a policy: the sizes allowed, or code and message.
fn judge(json: &str, fields: &[(&str, &str)]) -> Result<(u64, u64), (Code, String)> {
    let form = form(fields);
    let policy = Policy::decode(&BASE64_STANDARD.encode(json));
    policy
        .and_then(|policy| policy.check(&form, "bucket", NOW))
        .map(|sizes| (*sizes.start(), *sizes.end()))
        .map_err(|error| (error.code(), error.message().to_owned()))
}

const FIVE_GIB: u64 = 5 << 30;

#[test]
fn a_policy_allows_what_it_names() {
    let bucket = "{\"bucket\": \"bucket\"}";
    let table: &[(&str, &[(&str, &str)])] = &[
        ("{\"key\": \"k\"}", &[("key", "k")]),
        ("[\"eq\", \"$key\", \"k\"]", &[("kEy", "k")]),
        ("[\"StArTs-WiTh\", \"$KeY\", \"us\"]", &[("key", "user")]),
        ("[\"starts-with\", \"$key\", \"\"]", &[("key", "")]),
        (
            "[\"starts-with\", \"$Content-Type\", \"image/\"]",
            &[("content-type", "image/a, image/b")],
        ),
        ("[\"starts-with\", \"$key\", \"\\\\$foo\"]", &[("key", "\\$foo.txt")]),
        ("{\"key\": \"\\$a\\v\\u00e9\"}", &[("key", "$a\u{b}\u{e9}")]),
        (
            "{\"key\": \"k\"}",
            &[
                ("key", "k"),
                ("AWSAccessKeyId", "a"),
                ("signature", "b"),
                ("Policy", "c"),
                ("X-Amz-Signature", "d"),
                ("x-ignore-e", "f"),
            ],
        ),
        ("{\"key\": \"k\"}, {\"BUCKET\": \"bucket\"}", &[("key", "k"), ("bucket", "bucket")]),
    ];
    for (conditions, fields) in table {
        let judged = judge(&policy(&format!("{bucket}, {conditions}")), fields);
        assert_eq!(judged, Ok((0, FIVE_GIB)), "{conditions}");
    }
}

#[test]
fn a_policy_refuses_what_it_does_not_name() {
    let bucket = "{\"bucket\": \"bucket\"}";
    let key = "{\"bucket\": \"bucket\"}, {\"key\": \"k\"}";
    let failed = |what: &str| format!("Policy Condition failed: {what}");
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], String);
    let table: &[Row<'_>] = &[
        ("{\"bucket\": \"other\"}", &[], failed("[\"eq\", \"$bucket\", \"other\"]")),
        (
            "{\"bucket\": \"other\"}",
            &[("bucket", "other")],
            failed("[\"eq\", \"$bucket\", \"other\"]"),
        ),
        (bucket, &[("bucket", "other")], "The form is for another bucket.".to_owned()),
        ("", &[], "Extra input fields: bucket".to_owned()),
        ("{\"key\": \"k\"}", &[("key", "k")], "Extra input fields: bucket".to_owned()),
        (key, &[("key", "K")], failed("[\"eq\", \"$key\", \"k\"]")),
        (key, &[], failed("[\"eq\", \"$key\", \"k\"]")),
        (
            key,
            &[("key", "k"), ("Filename", "f"), ("acl", "private")],
            "Extra input fields: Filename, acl".to_owned(),
        ),
        (
            key,
            &[("key", "k"), ("x-amz-checksum-crc32", "AAAAAA==")],
            "Extra input fields: x-amz-checksum-crc32".to_owned(),
        ),
        (key, &[("key", "k"), ("x-amz-date", "d")], "Extra input fields: x-amz-date".to_owned()),
        (
            "{\"bucket\": \"bucket\"}, [\"starts-with\", \"$key\", \"us\"]",
            &[("key", "Us")],
            failed("[\"starts-with\", \"$key\", \"us\"]"),
        ),
        (
            "{\"bucket\": \"bucket\"}, [\"starts-with\", \"$Content-Type\", \"\"]",
            &[],
            failed("[\"starts-with\", \"$Content-Type\", \"\"]"),
        ),
        (
            "{\"bucket\": \"bucket\"}, [\"starts-with\", \"$Content-Type\", \"image/\"]",
            &[("content-type", "image/a,text/b")],
            failed("[\"starts-with\", \"$Content-Type\", \"image/\"]"),
        ),
        (
            "{\"bucket\": \"bucket\"}, [\"eq\", \"key\", \"k\"]",
            &[("key", "k")],
            failed("[\"eq\", \"key\", \"k\"]"),
        ),
        (
            "{\"bucket\": \"bucket\"}, [\"eq\", \"$x-amz-meta-foo\", \"\"]",
            &[("x-amz-meta-foo", "bar")],
            failed("[\"eq\", \"$x-amz-meta-foo\", \"\"]"),
        ),
        (
            "{\"bucket\": \"bucket\"}, {\"key\": \"a\\\"b\"}",
            &[("key", "k")],
            failed("[\"eq\", \"$key\", \"a\\\"b\"]"),
        ),
        (
            "{\"bucket\": \"bucket\"}, [\"content-length-range\", \"test\", 10]",
            &[],
            failed("[\"content-length-range\", \"test\", 10]"),
        ),
    ];
    for (conditions, fields, why) in table {
        let message = format!("Invalid according to Policy: {why}");
        let judged = judge(&policy(conditions), fields);
        assert_eq!(judged, Err((Code::AccessDenied, message)), "{conditions} {fields:?}");
    }
}

#[test]
fn a_policy_is_good_until_its_expiration() {
    let policy = Policy::decode(&BASE64_STANDARD.encode(policy("{\"bucket\": \"bucket\"}")));
    let policy = policy.expect("good");
    let at = |secs| {
        let judged = policy.check(&Form::default(), "bucket", WallTime::from_secs(secs));
        judged.map(|_| ()).map_err(|error| error.message().to_owned())
    };
    assert_eq!(at(NOW.secs()), Ok(()));
    let expired = "Invalid according to Policy: Policy expired.".to_owned();
    assert_eq!(at(NOW.secs() + 1), Err(expired));
}

#[test]
fn ranges_of_sizes_narrow() {
    let bucket = "{\"bucket\": \"bucket\"}";
    let of = |ranges: &str| judge(&policy(&format!("{bucket}{ranges}")), &[]);
    assert_eq!(of(", [\"content-length-range\", 5, 10]"), Ok((5, 10)));
    assert_eq!(of(", [\"Content-Length-Range\", \"5\", \"10\"]"), Ok((5, 10)));
    assert_eq!(
        of(", [\"content-length-range\", 5, 10], [\"content-length-range\", 1, 7]"),
        Ok((5, 7))
    );
    assert_eq!(of(", [\"content-length-range\", 0, 99999999999]"), Ok((0, FIVE_GIB)));
}

#[test]
fn a_policy_in_doubt_is_refused() {
    let with = |conditions: &str| policy(conditions);
    let table = [
        (String::new(), "Invalid JSON."),
        ("nonsense".to_owned(), "Invalid JSON."),
        ("[]".to_owned(), "Invalid JSON."),
        (with("{\"bucket\": \"b\"},"), "Invalid JSON."),
        (with("") + "{}", "Invalid JSON."),
        ("{\"conditions\": []}".to_owned(), "Policy missing expiration."),
        ("{\"expiration\": \"2013-05-24T00:00:01Z\"}".to_owned(), "Policy missing conditions."),
        (with("").replace("expiration", "EXPIRATION"), "Unexpected: 'expiration'"),
        (with("").replace("conditions", "CONDITIONS"), "Unexpected: 'conditions'"),
        (
            with("").replace("00:00:01Z", "00:00:01+00:00"),
            "Invalid 'expiration' value: '2013-05-24T00:00:01+00:00'",
        ),
        (
            with("{}"),
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        (
            with("{\"a\": \"b\", \"c\": \"d\"}"),
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
        ),
        (with("{\"Content-Length\": 5}"), "Invalid Simple-Condition: value must be a string."),
        (with("{\"a\": null}"), "Invalid JSON."),
        (with("[]"), "Invalid Condition: missing operation identifier."),
        (
            with("[\"ends-with\", \"$key\", \"a\"]"),
            "Invalid Condition: unknown operation 'ends-with'.",
        ),
        (with("[\"eq\", \"$key\"]"), "Invalid Condition: wrong number of arguments."),
        (with("[\"eq\", \"$key\", \"a\", \"b\"]"), "Invalid Condition: wrong number of arguments."),
        (with("[\"content-length-range\", 0]"), "Invalid Condition: wrong number of arguments."),
        (with("[\"content-length-range\", -1, 0]"), "Invalid JSON."),
        (with("[\"content-length-range\", 0, 512.0]"), "Invalid JSON."),
        (with("\"eq\""), "Invalid JSON."),
        (with("").replace("}", ", \"conditions\": []}"), "Invalid JSON."),
    ];
    for (json, why) in table {
        let expected = (Code::InvalidPolicyDocument, format!("Invalid Policy: {why}"));
        assert_eq!(judge(&json, &[]), Err(expected), "{json}");
    }
    let text = Policy::decode("?").map(|_| ()).map_err(|error| error.code());
    assert_eq!(text, Err(Code::InvalidPolicyDocument));
}
