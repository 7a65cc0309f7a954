//! Listings of open uploads.

use super::super::client::Call;
use super::Hands;
use crate::client::element;
use crate::sign::encode;

const PAGES_MAX: usize = 40;

impl Hands {
    /// Aborts all uploads of a bucket that are open.
    ///
    /// # Errors
    /// They cannot be listed, or do not end.
    pub async fn abort_all(&mut self, bucket: &'static str) -> Result<(), String> {
        for _ in 0..PAGES_MAX {
            let call = Call {
                method: "GET",
                path: format!("/{bucket}"),
                query: "uploads=".into(),
                ..Call::default()
            };
            let Some(answer) = self.call(&call, &[200]).await else { continue };
            let text = answer.text();
            let mut uploads = text.split("<Upload>").skip(1).peekable();
            if uploads.peek().is_none() {
                return Ok(());
            }
            for upload in uploads {
                let key = super::listing::unescape(element(upload, "Key").unwrap_or_default());
                let path = format!("/{bucket}/{}", encode(&key, true));
                let id = element(upload, "UploadId").unwrap_or_default().to_owned();
                self.abort(&path, &id).await;
            }
        }
        Err(format!("the uploads of {bucket} cannot be listed and aborted"))
    }
}
