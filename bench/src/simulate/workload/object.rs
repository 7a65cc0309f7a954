//! Whole objects and ranges of them: put, read, deleted, copied.

use super::super::client::{Answer, Call};
use super::super::content::{ABSENT, Content, Value};
use super::super::linear::Effect;
use super::super::oracle::Place;
use super::super::payload::Payload;
use super::{Hands, KEYS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest as _, Md5};

impl Hands {
    pub(super) async fn some_put(&mut self, place: &Place, create: bool) {
        let content = self.work.body();
        self.put_content(place, content, create).await;
    }

    /// Writes a body of this length. Whether it was acknowledged.
    pub async fn put(&mut self, place: &Place, length: usize) -> bool {
        let content = Content(vec![self.work.run(length)]);
        self.put_content(place, content, false).await
    }

    async fn put_content(&mut self, place: &Place, content: Content, create: bool) -> bool {
        let (value, etag) = self.work.oracle.values.of_whole(content.clone());
        let mut headers = Vec::new();
        if let (0, [run]) = (self.work.below(4), content.0.as_slice()) {
            headers.push(("content-md5", STANDARD.encode(self.work.oracle.values.md5(*run))));
        }
        if create {
            headers.push(("if-none-match", "*".to_owned()));
        }
        let call = Call {
            method: "PUT",
            path: Self::path(place),
            headers,
            body: Bytes::from(content.bytes()),
            payload: Payload::ALL[self.work.below(Payload::ALL.len())],
            ..Call::default()
        };
        let called = self.now();
        let effect = if create { Effect::Create(value) } else { Effect::Write(value) };
        match self.call(&call, if create { &[200, 412] } else { &[200] }).await {
            Some(answer) if answer.status == 412 => {
                self.note(place, called, true, Effect::Refused, "create");
                false
            }
            Some(answer) => {
                if answer.etag != etag {
                    let wrong = format!("{}: ETag {} for {etag}", call.path, answer.etag);
                    self.work.oracle.violated(wrong);
                }
                self.note(place, called, true, effect, "put");
                true
            }
            None => {
                self.note(place, called, false, effect, "put");
                false
            }
        }
    }

    /// Writes a body with a browser's form.
    pub(super) async fn put_form(&mut self, place: &Place) {
        let content = self.work.body();
        let (value, etag) = self.work.oracle.values.of_whole(content.clone());
        let (bucket, key) = place.clone();
        let call = Call {
            method: "POST",
            path: format!("/{bucket}"),
            body: Bytes::from(content.bytes()),
            form: Some((bucket, key)),
            ..Call::default()
        };
        let called = self.now();
        let answer = self.call(&call, &[204]).await;
        if let Some(answer) = answer.as_ref().filter(|answer| answer.etag != etag) {
            let wrong = format!("form for {bucket}: ETag {} for {etag}", answer.etag);
            self.work.oracle.violated(wrong);
        }
        self.note(place, called, answer.is_some(), Effect::Write(value), "form");
    }

    /// Reads an object. Whether it, or its absence, was seen.
    pub async fn get(&mut self, place: &Place) -> bool {
        let call = Call { method: "GET", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let Some(answer) = self.call(&call, &[200, 404]).await else { return false };
        let Some(value) = self.value_of(&call, &answer) else { return true };
        let content = self.work.oracle.values.content(value);
        if content.is_some_and(|content| content.bytes() != answer.body) {
            let name = self.work.oracle.values.name(value);
            self.work.oracle.violated(format!("{}: wrong bytes for {name}", call.path));
        }
        self.note(place, called, true, Effect::Read(value), "get");
        true
    }

    /// What an answer says that its key holds; `None` if nobody wrote that.
    pub(super) fn value_of(&self, call: &Call, answer: &Answer) -> Option<Value> {
        if answer.status == 404 {
            return Some(ABSENT);
        }
        match self.work.oracle.values.with_etag(&answer.etag) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.work.oracle.violated(format!("{} {}: {reason}", call.method, call.path));
                None
            }
        }
    }

    pub(super) async fn range(&mut self, place: &Place) {
        // Ranges of all sizes, near the start of most bodies.
        let [reach, length] = [(); 2].map(|()| 1 << self.work.below(20));
        let from = self.work.below(reach);
        let to = from + self.work.below(length);
        self.range_of(place, from, to).await;
    }

    /// Reads a range of an object, both ends included. Whether there was an answer.
    pub async fn range_of(&mut self, place: &Place, from: usize, to: usize) -> bool {
        let call = Call {
            method: "GET",
            path: Self::path(place),
            headers: vec![("range", format!("bytes={from}-{to}"))],
            ..Call::default()
        };
        let called = self.now();
        let Some(answer) = self.call(&call, &[206, 404, 416]).await else { return false };
        if answer.status == 416 {
            return true;
        }
        let Some(value) = self.value_of(&call, &answer) else { return true };
        if let Some(content) = self.work.oracle.values.content(value) {
            let bytes = content.bytes();
            let end = bytes.len().min(to + 1);
            if bytes.get(from..end) != Some(answer.body.as_slice()) {
                let name = self.work.oracle.values.name(value);
                let what = format!("{} {from}-{to}: wrong bytes for {name}", call.path);
                self.work.oracle.violated(what);
            }
        }
        self.note(place, called, true, Effect::Read(value), "range");
        true
    }

    pub(super) async fn head(&mut self, place: &Place) {
        let call = Call { method: "HEAD", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let Some(answer) = self.call(&call, &[200, 404]).await else { return };
        let Some(value) = self.value_of(&call, &answer) else { return };
        let length = self.work.oracle.values.content(value).map(|content| content.length());
        if length.is_some() && answer.length != length {
            let what = format!("HEAD {}: {:?} for {length:?}", call.path, answer.length);
            self.work.oracle.violated(what);
        }
        self.note(place, called, true, Effect::Read(value), "head");
    }

    /// Deletes an object. Whether that was acknowledged.
    pub async fn delete(&mut self, place: &Place) -> bool {
        let call = Call { method: "DELETE", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let answer = self.call(&call, &[204]).await;
        self.note(place, called, answer.is_some(), Effect::Write(ABSENT), "delete");
        answer.is_some()
    }

    pub(super) async fn delete_many(&mut self, bucket: &'static str) {
        let mut keys: Vec<&str> =
            (0..1 + self.work.below(4)).map(|_| KEYS[self.work.below(KEYS.len())]).collect();
        keys.sort_unstable();
        keys.dedup();
        let objects: String =
            keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
        let body = format!("<Delete><Quiet>true</Quiet>{objects}</Delete>");
        let call = Call {
            method: "POST",
            path: format!("/{bucket}"),
            query: "delete=".into(),
            headers: vec![("content-md5", STANDARD.encode(Md5::digest(body.as_bytes())))],
            body: Bytes::from(body),
            ..Call::default()
        };
        let called = self.now();
        let answer = self.call(&call, &[200]).await.map(|answer| answer.text());
        for key in keys {
            let refused = format!("<Key>{key}</Key>");
            let done = answer.as_ref().is_some_and(|text| !text.contains(&refused));
            let place = (bucket, key.to_owned());
            self.note(&place, called, done, Effect::Write(ABSENT), "delete many");
        }
    }

    /// Copies what a key holds to another key of the bucket: reads it first, and copies only that.
    pub(super) async fn copy(&mut self, place: &Place) {
        let (bucket, _) = place;
        let to = (*bucket, KEYS[self.work.below(KEYS.len())].to_owned());
        let head = Call { method: "HEAD", path: Self::path(place), ..Call::default() };
        let called = self.now();
        let Some(answer) = self.call(&head, &[200, 404]).await else { return };
        let Some(source) = self.value_of(&head, &answer) else { return };
        self.note(place, called, true, Effect::Read(source), "head");
        let Some(content) = self.work.oracle.values.content(source) else { return };
        let (value, etag) = self.work.oracle.values.of_whole(content);
        let call = Call {
            method: "PUT",
            path: Self::path(&to),
            headers: vec![
                ("x-amz-copy-source", Self::path(place)),
                ("x-amz-copy-source-if-match", answer.etag.clone()),
                ("x-amz-metadata-directive", "REPLACE".to_owned()),
            ],
            ..Call::default()
        };
        let called = self.now();
        match self.call(&call, &[200, 404, 412]).await {
            Some(answer) if answer.status == 200 => {
                let said = answer.text();
                // A copy that fails after its head says so in the body.
                let failed = said.contains("<Error>");
                if !failed && !said.contains(&etag) {
                    self.work.oracle.violated(format!("copy to {}: {said}, not {etag}", call.path));
                }
                self.note(&to, called, !failed, Effect::Write(value), "copy");
            }
            Some(_) => {}
            None => self.note(&to, called, false, Effect::Write(value), "copy"),
        }
    }
}
