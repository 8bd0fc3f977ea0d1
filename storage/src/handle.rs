//! What an open database's clones and transactions hold on to.
//!
//! The committer's task holds [`Shared`]; the queue that leads to it is here. When the last clone and the last transaction are gone, the queue closes:
//! the task commits what was handed in, and ends, and all is let go. (If the queue were in `Shared`, the task would keep itself alive.)

use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell, mpsc};

use crate::error::{Error, Result};
use crate::identity;
use crate::log::committer::{Committer, Request};
use crate::shared::Shared;

/// What an open database's clones and transactions hold on to.
#[derive(Debug)]
pub(crate) struct Handle {
    shared: Arc<Shared>,
    /// Whether the location was found fit to be written to.
    prepared: OnceCell<()>,
    /// The committer's queue.
    queue: Mutex<Option<mpsc::UnboundedSender<Request>>>,
}

impl Deref for Handle {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Handle {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), prepared: OnceCell::new(), queue: Mutex::new(None) }
    }

    /// What does not keep the queue open.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Makes the location ready to be written to, once: `clouddb.json` is created where there is none, and the store must show that it honours
    /// put-if-absent.
    pub(crate) async fn prepare_to_write(&self) -> Result<()> {
        self.prepared
            .get_or_try_init(|| async {
                let identity = self.make_sure_of_identity().await?;
                identity::probe(&self.store, &self.env, &identity).await
            })
            .await
            .copied()
    }

    /// Hands a transaction to the committer, when the location is ready.
    pub(crate) async fn submit(self: &Arc<Self>, request: Request) -> Result<()> {
        if let Some(error) = self.ended.get() {
            return Err(error.clone());
        }
        self.prepare_to_write().await?;
        let mut queue = self.queue.lock().await;
        let sender = match &*queue {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let (sender, receiver) = mpsc::unbounded_channel();
                tokio::spawn(Committer::new(self, receiver).run());
                queue.insert(sender)
            }
        };
        sender
            .send(request)
            .map_err(|_| Error::unavailable("the task that commits has ended with its runtime").with_hint("open the database again"))
    }

    /// Lets the committer end when it has nothing more to do.
    pub(crate) async fn hang_up(&self) {
        self.queue.lock().await.take();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use object_store::memory::InMemory;

    use super::*;
    use crate::store::{Store, StoreKind};
    use crate::{Database, OpenOptions};

    async fn open(store: &Store) -> Result<Database> {
        Database::open_store(store.clone(), OpenOptions::default()).await
    }

    /// Waits until nothing holds on to a database any more. A task that never ends would make this endless, so it gives up.
    async fn is_let_go(shared: &Weak<Shared>) -> bool {
        for _ in 0..10_000 {
            if shared.strong_count() == 0 {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    #[tokio::test]
    async fn nothing_is_kept_when_the_last_clone_is_gone() -> Result<()> {
        let store = Store::from_object_store(Arc::new(InMemory::new()), "", StoreKind::Memory, "a test");
        let database = open(&store).await?;
        let shared = Arc::downgrade(database.handle.shared());
        let mut transaction = database.begin(&database.snapshot().await?)?;
        transaction.create_schema("one", None)?;
        let snapshot = transaction.commit().await?;
        let clone = database.clone();
        drop(database);
        assert!(!is_let_go(&shared).await, "a clone still uses it");
        let mut transaction = clone.begin(&snapshot)?;
        transaction.create_schema("two", None)?;
        drop(clone);
        transaction.commit().await?;
        assert!(is_let_go(&shared).await);
        assert_eq!(open(&store).await?.snapshot().await?.schemas().count(), 3);
        // A snapshot is what it was.
        assert_eq!(snapshot.schemas().count(), 2);
        Ok(())
    }

    #[tokio::test]
    async fn what_was_handed_in_is_committed_although_all_have_gone_away() -> Result<()> {
        let store = Store::from_object_store(Arc::new(InMemory::new()), "", StoreKind::Memory, "a test");
        let database = open(&store).await?;
        let shared = Arc::downgrade(database.handle.shared());
        for name in ["one", "two", "three"] {
            let mut transaction = database.begin(&database.snapshot().await?)?;
            transaction.create_schema(name, None)?;
            // Polled once: then nobody waits for it.
            assert!(futures::poll!(Box::pin(transaction.commit())).is_pending());
        }
        drop(database);
        assert!(is_let_go(&shared).await);
        assert_eq!(open(&store).await?.snapshot().await?.schemas().count(), 4);
        Ok(())
    }
}
