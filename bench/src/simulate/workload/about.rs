//! What is told beside objects' bytes: attributes, parts by number; and documents that are put, got
//! and deleted as a whole, each a register of its own.

use super::super::client::{Answer, Call};
use super::super::content::{ABSENT, Value};
use super::super::linear::Effect;
use super::super::oracle::Place;
use super::{DRILLS, Hands};
use crate::client::element;
use bytes::Bytes;

/// The object whose tags are a register. It is never deleted.
const TAGGED: &str = "tagged";

/// A document that holds a number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    ObjectTags,
    BucketTags,
    Cors,
}

impl Register {
    const ALL: [Self; 3] = [Self::ObjectTags, Self::BucketTags, Self::Cors];

    fn place(self) -> Place {
        let name = match self {
            Self::ObjectTags => "tags of an object",
            Self::BucketTags => "tags of a bucket",
            Self::Cors => "cors",
        };
        (DRILLS, name.to_owned())
    }

    fn call(self, method: &'static str, body: String) -> Call {
        let (path, query) = match self {
            Self::ObjectTags => (format!("/{DRILLS}/{TAGGED}"), "tagging="),
            Self::BucketTags => (format!("/{DRILLS}"), "tagging="),
            Self::Cors => (format!("/{DRILLS}"), "cors="),
        };
        Call { method, path, query: query.into(), body: Bytes::from(body), ..Call::default() }
    }

    fn document(self, number: u64) -> String {
        match self {
            Self::ObjectTags | Self::BucketTags => format!(
                "<Tagging><TagSet><Tag><Key>n</Key><Value>{number}</Value></Tag></TagSet></Tagging>"
            ),
            Self::Cors => format!(
                "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
                 <AllowedOrigin>*</AllowedOrigin><MaxAgeSeconds>{number}</MaxAgeSeconds>\
                 </CORSRule></CORSConfiguration>"
            ),
        }
    }

    fn read(self, answer: &Answer) -> Option<Value> {
        let element_name = if self == Self::Cors { "MaxAgeSeconds" } else { "Value" };
        match element(&answer.text(), element_name) {
            Some(number) => number.parse().ok(),
            None => Some(ABSENT),
        }
    }
}

impl Hands {
    /// Makes the object whose tags are a register.
    ///
    /// # Errors
    /// It does not succeed, though nothing has struck yet.
    pub(super) async fn prepare_tags(&mut self) -> Result<(), String> {
        let path = format!("/{DRILLS}/{TAGGED}");
        let call = Call { method: "PUT", path, ..Call::default() };
        match self.client.call(&call).await {
            Some(Answer { status: 200, .. }) => Ok(()),
            other => Err(format!("the object with tags: {other:?}")),
        }
    }

    /// Writes, reads or deletes one of the registers.
    pub(super) async fn register(&mut self) {
        let register = Register::ALL[self.work.below(Register::ALL.len())];
        match self.work.below(8) {
            0..4 => self.read_register(register).await,
            4..7 => self.write_register(register).await,
            _ => {
                let call = register.call("DELETE", String::new());
                self.change(register, &call, Effect::Write(ABSENT), "delete").await;
            }
        }
    }

    async fn read_register(&mut self, register: Register) {
        let call = register.call("GET", String::new());
        let called = self.now();
        let Some(answer) = self.call(&call, &[200, 404]).await else { return };
        match register.read(&answer) {
            Some(value) => self.note(&register.place(), called, true, Effect::Read(value), "get"),
            None => self.work.oracle.violated(format!("{}: {}", call.query, answer.text())),
        }
    }

    async fn write_register(&mut self, register: Register) {
        let number = self.work.run(0).number;
        let effect = Effect::Write(usize::try_from(number).unwrap_or(usize::MAX));
        let whole = register == Register::ObjectTags && self.work.below(3) == 0;
        let call = match whole {
            // A PUT of the object sets its tags as well.
            true => Call {
                method: "PUT",
                path: format!("/{DRILLS}/{TAGGED}"),
                headers: vec![("x-amz-tagging", format!("n={number}"))],
                ..Call::default()
            },
            false => register.call("PUT", register.document(number)),
        };
        self.change(register, &call, effect, "put").await;
    }

    async fn change(&mut self, register: Register, call: &Call, effect: Effect, what: &str) {
        let called = self.now();
        let answered = self.call(call, &[200, 204]).await.is_some();
        self.note(&register.place(), called, answered, effect, what);
    }

    /// Asks for an object's ETag and size without the object.
    pub(super) async fn attributes(&mut self, place: &Place) {
        let call = Call {
            method: "GET",
            path: Self::path(place),
            query: "attributes=".into(),
            headers: vec![("x-amz-object-attributes", "ETag,ObjectSize,ObjectParts".into())],
            ..Call::default()
        };
        let called = self.now();
        let Some(mut answer) = self.call(&call, &[200, 404]).await else { return };
        let text = answer.text();
        answer.etag = element(&text, "ETag").unwrap_or_default().to_owned();
        let Some(value) = self.value_of(&call, &answer) else { return };
        if let Some(content) = self.work.oracle.values.content(value) {
            let size = element(&text, "ObjectSize").and_then(|size| size.parse().ok());
            let parts = element(&text, "PartsCount").and_then(|count| count.parse().ok());
            let in_parts = answer.etag.contains('-').then_some(content.0.len());
            if (size, parts) != (Some(content.length()), in_parts) {
                self.work.oracle.violated(format!("{}: attributes {text}", call.path));
            }
        }
        self.note(place, called, true, Effect::Read(value), "attributes");
    }

    /// Reads a part of an object by its number.
    pub(super) async fn part_of(&mut self, place: &Place) {
        let number = 1 + self.work.below(3);
        let call = Call {
            method: "GET",
            path: Self::path(place),
            query: format!("partNumber={number}"),
            ..Call::default()
        };
        let called = self.now();
        let Some(answer) = self.call(&call, &[200, 206, 404, 416]).await else { return };
        if answer.status == 416 {
            return;
        }
        let Some(value) = self.value_of(&call, &answer) else { return };
        if let Some(content) = self.work.oracle.values.content(value) {
            let in_parts = answer.etag.contains('-');
            let expected = match content.0.get(number - 1) {
                Some(run) if in_parts => Some(run.bytes()),
                _ if number == 1 => Some(content.bytes()),
                _ => None,
            };
            if expected.as_deref() != Some(answer.body.as_slice()) {
                self.work.oracle.violated(format!("{} part {number}: wrong bytes", call.path));
            }
        }
        self.note(place, called, true, Effect::Read(value), "part");
    }
}
