//! The credentials in force on one core: those of this node's environment and file, and those of the
//! cluster, which are read anew when they have changed.
//!
//! Invariant: whoever is verified by [`Keyring::in_force`] is so by all that was answered before: a
//! key works, and a revoked one is refused, from the moment its command has answered.

use crate::credentials::Credentials;
use crate::master_keys::MasterKeys;
use hamster_core::sync::Semaphore;
use hamster_meta::{Meta, MetaError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Keyring(Rc<Inner>);

struct Inner {
    /// Those of this node alone, and what opens the secrets of the cluster's.
    own: RefCell<(Rc<Credentials>, Arc<MasterKeys>)>,
    /// Those of this node and of the cluster.
    all: RefCell<Rc<Credentials>>,
    /// The revision of the cluster's that `all` is made of; `None`: of none.
    revision: Cell<Option<u64>>,
    /// One reads at a time, the others wait for what it finds.
    reading: Semaphore,
}

impl Keyring {
    /// With these of the node, and nothing that opens the secrets of the cluster's users.
    pub fn new(credentials: Credentials) -> Self {
        Self::with_master_keys(credentials, Arc::default())
    }

    /// With these of the node, and what opens the secrets of the cluster's users.
    pub fn with_master_keys(credentials: Credentials, master_keys: Arc<MasterKeys>) -> Self {
        let own = Rc::new(credentials);
        Self(Rc::new(Inner {
            all: RefCell::new(Rc::clone(&own)),
            own: RefCell::new((own, master_keys)),
            revision: Cell::new(None),
            reading: Semaphore::new(1),
        }))
    }

    /// From now on these; requests already verified go on.
    pub fn replace(&self, credentials: Credentials, master_keys: Arc<MasterKeys>) {
        *self.0.own.borrow_mut() = (Rc::new(credentials), master_keys);
        self.0.revision.set(None);
    }

    /// Those to verify a request by that has come now. One comparison, unless users or keys of the
    /// cluster have changed since the last call.
    ///
    /// # Errors
    /// They have, and cannot be read.
    pub async fn in_force(&self, meta: &Meta) -> Result<Rc<Credentials>, MetaError> {
        if self.0.revision.get() != Some(meta.users_revision()) {
            self.read(meta).await?;
        }
        Ok(self.current())
    }

    /// Those known last: to call users by their names.
    pub fn current(&self) -> Rc<Credentials> {
        Rc::clone(&self.0.all.borrow())
    }

    async fn read(&self, meta: &Meta) -> Result<(), MetaError> {
        let _turn = self.0.reading.acquire(1).await;
        // Why before: what changes while they are read must be read again.
        let revision = Some(meta.users_revision());
        if self.0.revision.get() == revision {
            return Ok(());
        }
        let users = meta.users().await?;
        // Why only here: the node's own may have been replaced meanwhile.
        let (own, master_keys) = self.0.own.borrow().clone();
        *self.0.all.borrow_mut() = Rc::new(own.with(&users, &master_keys));
        self.0.revision.set(revision);
        Ok(())
    }
}
