//! The file of `serve --master-key-file`: what seals and opens the secrets of replicated access keys.
//! It lies apart from the data, readable by its owner only, and neither is taken on trust (ADR 0012).

use crate::error::NodeError;
use hamster_core::Core;
use hamster_core::limits::OPERATOR_FILE_BYTES_MAX;
use hamster_meta::record::AccessKey;
use hamster_s3::{MasterKeys, Unopened};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How a file is made.
pub const HOW_TO_MAKE: &str =
    "(umask 077; echo \"k1:$(openssl rand -hex 32)\" > /etc/hamster/master.key)";

/// Reads it.
///
/// # Errors
/// It is not there or not well, others may read it, or it lies below one of `data_dirs`.
pub async fn read(
    core: &Core,
    path: &Path,
    data_dirs: &[PathBuf],
) -> Result<MasterKeys, NodeError> {
    let shown = path.display();
    let refused = |why: String| NodeError::MasterKey(format!("{shown}: {why}"));
    let resolve = async |path: &Path| {
        let resolved = core.disk().resolve(path).await;
        resolved.map_err(NodeError::file(path, "looking for"))
    };
    // Why resolved: a link to a file within a data directory is one within it.
    let place = resolve(path).await?;
    for data_dir in data_dirs {
        if place.starts_with(resolve(data_dir).await?) {
            let dir = data_dir.display();
            let why = "whoever gets the drive would have the key with it; move it elsewhere";
            return Err(refused(format!("lies below the data directory {dir}; {why}")));
        }
    }
    let (Some(parent), Some(name)) =
        (place.parent(), place.file_name().and_then(|name| name.to_str()))
    else {
        return Err(refused("is no file".into()));
    };
    let directory = core.disk().directory(parent).await;
    let directory = directory.map_err(NodeError::file(parent, "opening the directory"))?;
    let file = directory.read_private(name, OPERATOR_FILE_BYTES_MAX).await;
    let file = file.map_err(NodeError::file(path, "reading"))?;
    let file = file.ok_or_else(|| refused(format!("is not there; make one: {HOW_TO_MAKE}")))?;
    let content = Zeroizing::new(file.content);
    if file.is_open_to_others {
        let why = format!("others than its owner may get at it; chmod 600 {shown}");
        return Err(refused(why));
    }
    let text = std::str::from_utf8(&content).map_err(|_| refused("is no text".into()))?;
    MasterKeys::parse(text).map_err(|error| refused(format!("{error}; see `hamster serve --help`")))
}

/// A secret that the metadata holds is not opened by what was given.
pub fn unopened(key: &AccessKey, error: &Unopened) -> NodeError {
    let (id, name) = (&key.id, &key.secret.master_key);
    NodeError::MasterKey(format!(
        "the secret of access key {id} cannot be opened: {error}; give --master-key-file FILE with \
         the line of {name:?} as it was, or, if that is lost for good, with the line {name}:lost"
    ))
}
