//! Multipart uploads: parts sent again and replaced, completed twice, raced by an abort.

use super::super::client::Call;
use super::super::content::{Content, Run};
use super::super::linear::Effect;
use super::super::oracle::Place;
use super::Hands;
use crate::client::element;
use bytes::Bytes;

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
        let Some(answer) = self.call(&create, &[200]).await else { return };
        let Some(upload) = element(&answer.text(), "UploadId").map(str::to_owned) else {
            return self.work.oracle.violated(format!("{path}: an upload without an id"));
        };
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
            match self.part(&path, &upload, number, *length).await {
                Some((run, tries)) => {
                    parts.push(run);
                    doubtful |= tries > 0;
                }
                None => return self.abort(&path, &upload).await,
            }
        }
        match self.work.below(8) {
            0 => self.abort(&path, &upload).await,
            _ => self.complete(place, &upload, parts, doubtful).await,
        }
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
    async fn complete(&mut self, place: &Place, upload: &str, parts: Vec<Run>, doubtful: bool) {
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
        let (called, mut done) = (self.now(), false);
        for attempt in 0..ATTEMPTS {
            // Why 404 later: what was completed may have been overwritten since, and is forgotten.
            let expected: &[u16] = match (doubtful, attempt) {
                (false, 0) => &[200],
                (false, _) => &[200, 404],
                (true, _) => &[200, 400, 404],
            };
            if let Some(answer) = self.call(&call, expected).await {
                let said = answer.text();
                if answer.status != 200 || said.contains("<Error>") {
                    continue;
                }
                if !said.contains(&etag) {
                    self.work.oracle.violated(format!("{path}: completed as {said}, not {etag}"));
                }
                done = true;
                // Once more: it must say the same.
                if self.work.below(3) > 0 {
                    break;
                }
            }
        }
        self.note(place, called, done, Effect::Write(value), "complete");
    }

    pub(super) async fn abort(&mut self, path: &str, upload: &str) {
        let call = Call {
            method: "DELETE",
            path: path.to_owned(),
            query: format!("uploadId={upload}"),
            ..Call::default()
        };
        for _ in 0..ATTEMPTS {
            if self.call(&call, &[204, 404]).await.is_some() {
                return;
            }
        }
    }
}
