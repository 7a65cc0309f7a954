//! Listings of open uploads, and what they must show.

use super::Hands;
use super::listing::{page_call, unescape};
use crate::client::element;
use crate::sign::encode;
use hamster_core::Map;
use std::cell::{Cell, RefCell};

const PAGES_MAX: usize = 60;

/// What clients know of the uploads that were begun. Times are nanoseconds of the world.
#[derive(Default)]
pub(super) struct Uploads {
    known: RefCell<Map<String, Known>>,
    /// Beginnings without an answer (so far): each may have made an upload that nobody knows.
    unanswered: Cell<usize>,
}

struct Known {
    bucket: &'static str,
    /// When somebody began to end it.
    ending: Option<u64>,
    /// When it was known to have ended.
    ended: Option<u64>,
}

impl Uploads {
    /// Somebody begins an upload.
    pub fn beginning(&self) {
        self.unanswered.set(self.unanswered.get() + 1);
    }

    /// That was answered.
    pub fn open(&self, bucket: &'static str, upload: &str) {
        self.unanswered.set(self.unanswered.get() - 1);
        let known = Known { bucket, ending: None, ended: None };
        self.known.borrow_mut().insert(upload.to_owned(), known);
    }

    pub fn ending(&self, upload: &str, now: u64) {
        if let Some(known) = self.known.borrow_mut().get_mut(upload) {
            known.ending.get_or_insert(now);
        }
    }

    pub fn ended(&self, upload: &str, now: u64) {
        if let Some(known) = self.known.borrow_mut().get_mut(upload) {
            known.ended.get_or_insert(now);
        }
    }

    /// Those of a bucket that are open, and that nobody has begun to end.
    fn surely_open(&self, bucket: &str) -> Vec<String> {
        let known = self.known.borrow();
        let open = |known: &Known| known.bucket == bucket && known.ending.is_none();
        known.iter().filter(|(_, it)| open(it)).map(|(upload, _)| upload.clone()).collect()
    }

    /// Why a page that was asked for at `called` must not show this upload.
    fn refutes(&self, bucket: &str, upload: &str, called: u64) -> Option<&'static str> {
        match self.known.borrow().get(upload) {
            None => (self.unanswered.get() == 0).then_some("nobody has begun it"),
            Some(known) if known.bucket != bucket => Some("it is of another bucket"),
            Some(known) => known.ended.filter(|ended| *ended < called).map(|_| "it had ended"),
        }
    }
}

impl Hands {
    /// Lists the open uploads of a bucket, and judges what is shown. Their keys and ids; `None`:
    /// there was no answer.
    pub(super) async fn list_uploads(
        &mut self,
        bucket: &'static str,
    ) -> Option<Vec<(String, String)>> {
        let before = self.work.uploads.surely_open(bucket);
        let page_size = [1, 3, 1000][self.work.below(3)];
        let mut listed: Vec<(String, String)> = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut query = vec![format!("max-uploads={page_size}"), "uploads=".to_owned()];
            if let Some((key, upload)) = listed.last() {
                query.push(format!("key-marker={}", encode(key, false)));
                query.push(format!("upload-id-marker={}", encode(upload, false)));
            }
            let call = page_call(bucket, query);
            let called = self.now();
            let text = self.call(&call, &[200]).await?.text();
            for upload in text.split("<Upload>").skip(1) {
                let text = |name| unescape(element(upload, name).unwrap_or_default());
                let (key, id) = (text("Key"), text("UploadId"));
                if let Some(reason) = self.work.uploads.refutes(bucket, &id, called) {
                    self.work.oracle.violated(format!("uploads of {bucket}: {key} {id}: {reason}"));
                }
                listed.push((key, id));
            }
            if element(&text, "IsTruncated") != Some("true") {
                let still = self.work.uploads.surely_open(bucket);
                let shows = |id: &String| listed.iter().any(|(_, listed)| listed == id);
                let missed = before.iter().filter(|id| still.contains(id) && !shows(id));
                for id in missed {
                    self.work.oracle.violated(format!("uploads of {bucket}: {id} is not listed"));
                }
                return Some(listed);
            }
        }
        self.work.oracle.violated(format!("uploads of {bucket}: more than {PAGES_MAX} pages"));
        None
    }

    /// Aborts all uploads of a bucket that are open.
    ///
    /// # Errors
    /// They cannot be listed, or do not end.
    pub async fn abort_all(&mut self, bucket: &'static str) -> Result<(), String> {
        for _ in 0..PAGES_MAX {
            let Some(listed) = self.list_uploads(bucket).await else { continue };
            if listed.is_empty() {
                return Ok(());
            }
            for (key, upload) in listed {
                self.abort(&Self::path(&(bucket, key)), &upload).await;
            }
        }
        Err(format!("the uploads of {bucket} cannot be listed and aborted"))
    }
}
