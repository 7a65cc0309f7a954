//! Multipart uploads: parts sent again and replaced, completed twice, raced by an abort.

use super::super::client::Call;
use super::super::content::{Content, Run};
use super::super::linear::Effect;
use super::super::oracle::Place;
use super::{Hands, KEYS};
use crate::client::element;
use bytes::Bytes;
use futures_util::future::join;
use std::time::Duration;

/// The least that a part may have, but for the last one.
const PART_BYTES_MIN: usize = 5 << 20;
const ATTEMPTS: usize = 3;

impl Hands {
    pub(super) async fn multipart(&mut self, place: &Place) {
        let path = Self::path(place);
        let create = Call {
            method: "POST",
            path: path.clone(),
            query: "uploads=".into(),
            ..Call::default()
        };
        self.work.uploads.beginning();
        let Some(answer) = self.call(&create, &[200]).await else { return };
        let Some(upload) = element(&answer.text(), "UploadId").map(str::to_owned) else {
            return self.work.oracle.violated(format!("{path}: an upload without an id"));
        };
        self.work.uploads.open(place.0, &upload);
        let lengths: &[usize] = match self.work.below(120) {
            0 => &[PART_BYTES_MIN, 1000],
            1..12 => &[200_000],
            12..60 => &[5_000],
            _ => &[8],
        };
        let (mut parts, mut doubtful) = (Vec::new(), false);
        for (number, length) in (1..).zip(lengths) {
            // Now and then a part is sent and then replaced.
            if self.work.below(4) == 0 && self.part(&path, &upload, number, 50).await.is_none() {
                return self.abort(&path, &upload).await;
            }
            // Why the last one: it may have any length.
            let is_last = usize::try_from(number) == Ok(lengths.len());
            let sent = match self.work.below(5) {
                0 if is_last => self.copied_part(&path, &upload, number, place.0).await,
                _ => None,
            };
            let sent = match sent {
                None => self.part(&path, &upload, number, *length).await,
                sent => sent,
            };
            match sent {
                Some((run, tries)) => {
                    parts.push(run);
                    doubtful |= tries > 0;
                }
                None => return self.abort(&path, &upload).await,
            }
        }
        match self.work.below(8) {
            0 => self.abort(&path, &upload).await,
            1 => self.race(place, &upload, parts).await,
            _ => _ = self.complete(place, &upload, parts, doubtful).await,
        }
    }

    /// Completes an upload and aborts it at the same time: one of the two happens.
    async fn race(&mut self, place: &Place, upload: &str, parts: Vec<Run>) {
        let abort = Self::abort_call(&Self::path(place), upload);
        let mut other = self.work.hands("aborter");
        let aborting = async {
            let pause = Duration::from_micros(self.work.entropy.below(1_500));
            self.work.stage.sleep(pause).await;
            other.call(&abort, &[204, 404]).await.is_some_and(|answer| answer.status == 204)
        };
        let mut completer = self.work.hands(&self.name);
        let completing = completer.complete(place, upload, parts, true);
        let (aborted, completed) = join(aborting, completing).await;
        if aborted {
            self.work.uploads.ended(upload, self.now());
        }
        if aborted && completed {
            let path = Self::path(place);
            self.work.oracle.violated(format!("{path}: {upload} was aborted and completed"));
        }
    }

    /// Makes a part of a range of an object, if there is one that was put whole. As
    /// [`Hands::part`].
    async fn copied_part(
        &mut self,
        path: &str,
        upload: &str,
        number: u32,
        bucket: &'static str,
    ) -> Option<(Run, usize)> {
        let source = (bucket, KEYS[self.work.below(KEYS.len())].to_owned());
        let head = Call { method: "HEAD", path: Self::path(&source), ..Call::default() };
        let called = self.now();
        let found = self.call(&head, &[200, 404]).await?;
        let value = self.value_of(&head, &found)?;
        self.note(&source, called, true, Effect::Read(value), "head");
        let content = self.work.oracle.values.content(value)?;
        let [whole] = content.0.as_slice() else { return None };
        if whole.length == 0 {
            return None;
        }
        let skipped = self.work.below(whole.length);
        let length = 1 + self.work.below(whole.length - skipped);
        let run = Run { number: whole.number, from: whole.from + skipped, length };
        let call = Call {
            method: "PUT",
            path: path.to_owned(),
            query: format!("partNumber={number}&uploadId={upload}"),
            headers: vec![
                ("x-amz-copy-source", Self::path(&source)),
                ("x-amz-copy-source-if-match", found.etag),
                ("x-amz-copy-source-range", format!("bytes={skipped}-{}", skipped + length - 1)),
            ],
            ..Call::default()
        };
        let answer = self.call(&call, &[200, 404, 412]).await?;
        let said = answer.text();
        if answer.status != 200 || said.contains("<Error>") {
            return None;
        }
        let etag = self.work.oracle.values.etag_of_part(run);
        if !said.contains(&etag) {
            self.work.oracle.violated(format!("{path}: part {number} copied as {said}"));
        }
        Some((run, 0))
    }

    /// Sends a part, again if nobody knows what became of it, and says how often. `None`: given up.
    async fn part(
        &mut self,
        path: &str,
        upload: &str,
        number: u32,
        length: usize,
    ) -> Option<(Run, usize)> {
        let run = self.work.run(length);
        let etag = self.work.oracle.values.etag_of_part(run);
        let call = Call {
            method: "PUT",
            path: path.to_owned(),
            query: format!("partNumber={number}&uploadId={upload}"),
            body: Bytes::from(run.bytes()),
            ..Call::default()
        };
        for tries in 0..ATTEMPTS {
            if let Some(answer) = self.call(&call, &[200]).await {
                if answer.etag != etag {
                    self.work.oracle.violated(format!("{path}: part {number}: {}", answer.etag));
                }
                return Some((run, tries));
            }
        }
        None
    }

    /// `doubtful`: a part was sent more than once, so that an earlier try may come in late and take
    /// the place of what is listed here.
    /// Whether it was completed.
    async fn complete(
        &mut self,
        place: &Place,
        upload: &str,
        parts: Vec<Run>,
        doubtful: bool,
    ) -> bool {
        let path = Self::path(place);
        let (value, etag) = self.work.oracle.values.of_parts(Content(parts.clone()));
        let listed: String = (1..)
            .zip(&parts)
            .map(|(number, run): (u32, &Run)| {
                let etag = self.work.oracle.values.etag_of_part(*run);
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        let body = format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>");
        let call = Call {
            method: "POST",
            path: path.clone(),
            query: format!("uploadId={upload}"),
            body: Bytes::from(body),
            ..Call::default()
        };
        self.work.uploads.ending(upload, self.now());
        let (called, mut done) = (self.now(), false);
        for _ in 0..ATTEMPTS {
            let expected: &[u16] = if doubtful { &[200, 400, 404] } else { &[200] };
            if let Some(answer) = self.call(&call, expected).await {
                let said = answer.text();
                if answer.status != 200 || said.contains("<Error>") {
                    continue;
                }
                if !said.contains(&etag) {
                    self.work.oracle.violated(format!("{path}: completed as {said}, not {etag}"));
                }
                done = true;
                self.work.uploads.ended(upload, self.now());
                // Once more: it must say the same.
                if self.work.below(3) > 0 {
                    break;
                }
            }
        }
        self.note(place, called, done, Effect::Write(value), "complete");
        done
    }

    pub(super) async fn abort(&mut self, path: &str, upload: &str) {
        self.work.uploads.ending(upload, self.now());
        for _ in 0..ATTEMPTS {
            if self.call(&Self::abort_call(path, upload), &[204, 404]).await.is_some() {
                return self.work.uploads.ended(upload, self.now());
            }
        }
    }

    fn abort_call(path: &str, upload: &str) -> Call {
        let query = format!("uploadId={upload}");
        Call { method: "DELETE", path: path.to_owned(), query, ..Call::default() }
    }
}
