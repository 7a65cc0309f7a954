//! The policy of a form: what its signer allows
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>). Called by the
//! gate, once the signature over it is checked.

use super::{Field, Form};
use crate::error::{Code, S3Error};
use crate::time::parse_iso8601;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hamster_core::WallTime;
use hamster_core::limits::PUT_BYTES_MAX;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::ops::RangeInclusive;

/// Fields that no condition need name. (`x-ignore-` fields are gone before.)
const EXCUSED: [&str; 5] = ["x-amz-signature", "file", "policy", "awsaccesskeyid", "signature"];

/// A policy, as it was signed.
#[derive(Debug)]
pub struct Policy {
    expiration: WallTime,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
enum Condition {
    /// `{"name": "value"}`, `["eq", "$name", "value"]` or `["starts-with", "$name", "prefix"]`.
    Match { operation: Operation, operation_text: String, name: String, value: String },
    /// `["content-length-range", 1, 10]`
    Range(Bound, Bound),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operation {
    Equals,
    StartsWith,
}

/// A number, also as text.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Bound {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expiration: Option<String>,
    conditions: Option<Vec<Condition>>,
}

impl Policy {
    /// Reads the field `policy`: JSON in base64.
    ///
    /// # Errors
    /// `InvalidPolicyDocument`.
    pub fn decode(text: &str) -> Result<Self, S3Error> {
        let json = BASE64_STANDARD.decode(text).map_err(|_| invalid("invalid Base64 encoding."))?;
        let json = String::from_utf8(json).map_err(|_| invalid("Invalid JSON."))?;
        let document: Document = serde_json::from_str(&without_own_escapes(&json))
            .map_err(|error| invalid(&error_text(&error)))?;
        let expiration =
            document.expiration.ok_or_else(|| invalid("Policy missing expiration."))?;
        let conditions =
            document.conditions.ok_or_else(|| invalid("Policy missing conditions."))?;
        let expiration = parse_iso8601(&expiration)
            .ok_or_else(|| invalid(&format!("Invalid 'expiration' value: '{expiration}'")))?;
        Ok(Self { expiration, conditions })
    }

    /// Holds the fields against the conditions, and the conditions against the fields: what nobody
    /// allowed is refused. Returns the sizes that the file may have.
    ///
    /// # Errors
    /// `AccessDenied`, saying why.
    pub fn check(
        &self,
        form: &Form,
        bucket: &str,
        now: WallTime,
    ) -> Result<RangeInclusive<u64>, S3Error> {
        if now >= self.expiration {
            return Err(denied("Policy expired."));
        }
        let mut sizes = 0..=PUT_BYTES_MAX.get();
        for condition in &self.conditions {
            match condition {
                Condition::Match { name, .. } => {
                    let field = name.strip_prefix('$').and_then(|name| value(form, bucket, name));
                    if !field.is_some_and(|field| condition.allows(field)) {
                        return Err(denied(&format!("Policy Condition failed: {condition}")));
                    }
                }
                Condition::Range(least, most) => {
                    let (Some(least), Some(most)) = (least.number(), most.number()) else {
                        return Err(denied(&format!("Policy Condition failed: {condition}")));
                    };
                    sizes = least.max(*sizes.start())..=most.min(*sizes.end());
                }
            }
        }
        self.check_covered(form, bucket)?;
        Ok(sizes)
    }

    /// Refuses fields that no condition names, and a policy that would be good for any bucket.
    fn check_covered(&self, form: &Form, bucket: &str) -> Result<(), S3Error> {
        let is_covered = |field: &str| {
            self.conditions.iter().any(|condition| match condition {
                Condition::Match { name, .. } => {
                    name.strip_prefix('$').is_some_and(|name| name.eq_ignore_ascii_case(field))
                }
                Condition::Range(..) => false,
            })
        };
        let names = form.fields().iter().map(|Field { name, .. }| name.as_str());
        let extra: Vec<_> = names
            .chain(["bucket"])
            .filter(|name| !EXCUSED.iter().any(|it| name.eq_ignore_ascii_case(it)))
            .filter(|name| !is_covered(name))
            .collect();
        if !extra.is_empty() {
            return Err(denied(&format!("Extra input fields: {}", extra.join(", "))));
        }
        match form.get("bucket") {
            Some(named) if named != bucket => Err(denied("The form is for another bucket.")),
            _ => Ok(()),
        }
    }
}

/// The value of a field as conditions see it: the bucket is the one that the request is about.
fn value<'a>(form: &'a Form, bucket: &'a str, name: &str) -> Option<&'a str> {
    if name.eq_ignore_ascii_case("bucket") { Some(bucket) } else { form.get(name) }
}

impl Condition {
    fn allows(&self, field: &str) -> bool {
        match self {
            Self::Match { operation: Operation::Equals, value, .. } => field == value,
            // A list of types is judged one by one.
            Self::Match { operation: Operation::StartsWith, name, value, .. }
                if name.eq_ignore_ascii_case("$content-type") =>
            {
                field.split(',').all(|kind| kind.trim_start().starts_with(value.as_str()))
            }
            Self::Match { operation: Operation::StartsWith, value, .. } => {
                field.starts_with(value.as_str())
            }
            Self::Range(..) => true,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Match { operation_text, name, value, .. } => {
                write!(out, "[{}, {}, {}]", quoted(operation_text), quoted(name), quoted(value))
            }
            Self::Range(least, most) => {
                write!(out, "[\"content-length-range\", {least}, {most}]")
            }
        }
    }
}

impl Bound {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Text(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
        }
    }
}

/// Marks messages of ours among those of the JSON parser.
const OURS: &str = "Invalid ";

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a List or Object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let one = "Invalid Simple-Condition: Simple-Conditions must have exactly one property \
                   specified.";
        let name: String = map.next_key()?.ok_or_else(|| A::Error::custom(one))?;
        let Bound::Text(value) = map.next_value()? else {
            return Err(A::Error::custom("Invalid Simple-Condition: value must be a string."));
        };
        if map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom(one));
        }
        let (operation_text, name) = ("eq".to_owned(), format!("${name}"));
        Ok(Condition::Match { operation: Operation::Equals, operation_text, name, value })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Condition, A::Error> {
        let missing = "Invalid Condition: missing operation identifier.";
        let operation_text: String =
            list.next_element()?.ok_or_else(|| A::Error::custom(missing))?;
        let count = || A::Error::custom("Invalid Condition: wrong number of arguments.");
        let condition = match operation_text.to_ascii_lowercase().as_str() {
            "content-length-range" => {
                let least = list.next_element()?.ok_or_else(count)?;
                Condition::Range(least, list.next_element()?.ok_or_else(count)?)
            }
            known @ ("eq" | "starts-with") => Condition::Match {
                operation: if known == "eq" { Operation::Equals } else { Operation::StartsWith },
                operation_text,
                name: list.next_element()?.ok_or_else(count)?,
                value: list.next_element()?.ok_or_else(count)?,
            },
            unknown => {
                let message = format!("Invalid Condition: unknown operation '{unknown}'.");
                return Err(A::Error::custom(message));
            }
        };
        match list.next_element::<Bound>()? {
            None => Ok(condition),
            Some(_) => Err(count()),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BoundVisitor;
        impl Visitor<'_> for BoundVisitor {
            type Value = Bound;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("text or a whole number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Bound, E> {
                Ok(Bound::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Bound, E> {
                Ok(Bound::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(BoundVisitor)
    }
}

/// The policy language has two escapes that JSON lacks: `\$` and `\v`.
fn without_own_escapes(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut characters = json.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('$') => out.push('$'),
            Some('v') => out.push_str("\\u000b"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// What S3 says of a policy that the JSON parser refused.
fn error_text(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    if text.starts_with(OURS) {
        return text.to_owned();
    }
    if let Some(name) = text.strip_prefix("unknown field `").and_then(|it| it.split('`').next()) {
        return format!("Unexpected: '{}'", name.to_lowercase());
    }
    "Invalid JSON.".to_owned()
}

fn invalid(reason: &str) -> S3Error {
    S3Error::new(Code::InvalidPolicyDocument, format!("Invalid Policy: {reason}"))
}

fn denied(reason: &str) -> S3Error {
    S3Error::new(Code::AccessDenied, format!("Invalid according to Policy: {reason}"))
}
