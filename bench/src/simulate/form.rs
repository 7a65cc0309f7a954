//! A browser's form: a policy for one object, signed, and the object behind it.

use crate::sign::Signer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hamster_core::WallTime;
use serde_json::json;

const BOUNDARY: &str = "simulated-boundary";
/// Later than any world.
const EXPIRATION: &str = "2200-01-01T00:00:00.000Z";

/// The Content-Type of a form.
pub fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The form that writes `file` under `key` of `bucket`, filled in at `now`.
pub fn filled(
    signer: &mut Signer,
    now: WallTime,
    (bucket, key): (&str, &str),
    file: &[u8],
) -> Bytes {
    let (date, credential) = (signer.stamp(now).to_owned(), signer.credential());
    let fields = [
        ("key", key),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &date),
    ];
    let mut conditions =
        vec![json!({ "bucket": bucket }), json!(["content-length-range", file.len(), file.len()])];
    conditions.extend(fields.map(|(name, value)| json!({ name: value })));
    let policy = json!({ "expiration": EXPIRATION, "conditions": conditions });
    let policy = STANDARD.encode(policy.to_string());
    let signature = signer.of_policy(&policy);
    let mut body = Vec::new();
    let signed = [("policy", policy.as_str()), ("x-amz-signature", &signature)];
    for (name, value) in fields.into_iter().chain(signed) {
        let field = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(field.as_bytes());
    }
    let disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"f\"";
    body.extend_from_slice(format!("--{BOUNDARY}\r\n{disposition}\r\n\r\n").as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body.into()
}
