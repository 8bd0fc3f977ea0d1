//! Opens the store that a location names.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use object_store::memory::InMemory;
use object_store::path::Path;

use super::local::DurableLocal;
use super::location::{self, Bucket, Location, Service};
use super::{Place, Store, StoreKind};
use crate::error::{Error, Result};

/// Connects to what a user typed.
pub(super) async fn connect(given: &str, options: &[(String, String)]) -> Result<Store> {
    match location::parse(given)? {
        Location::Memory(name) => {
            no_options(given, options)?;
            Ok(memory(name.as_deref()))
        }
        Location::Local(folder) => {
            no_options(given, options)?;
            local(folder)
        }
        Location::Bucket(bucket) => remote(bucket, options).await,
    }
}

fn no_options(given: &str, options: &[(String, String)]) -> Result<()> {
    match options.first() {
        None => Ok(()),
        Some((key, _)) => Err(Error::invalid(format!("'{given}' is not behind a network: the option '{key}' means nothing to it"))
            .with_hint("options such as aws_region go with s3://, gs:// and az://")),
    }
}

/// Named stores in memory, for as long as somebody uses them.
static NAMED: LazyLock<Mutex<HashMap<String, Weak<InMemory>>>> = LazyLock::new(Mutex::default);

fn memory(name: Option<&str>) -> Store {
    let store = match name {
        None => Arc::new(InMemory::new()),
        Some(name) => {
            let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
            named.retain(|_, store| store.strong_count() > 0);
            match named.get(name).and_then(Weak::upgrade) {
                Some(store) => store,
                None => {
                    let store = Arc::new(InMemory::new());
                    named.insert(name.to_string(), Arc::downgrade(&store));
                    store
                }
            }
        }
    };
    let url = format!("memory://{}", name.unwrap_or_default());
    let place = Place { description: "this process's memory".to_string(), credentials: "none".to_string() };
    Store::new(store, Path::default(), StoreKind::Memory, url, place)
}

fn local(folder: std::path::PathBuf) -> Result<Store> {
    if folder.exists() && !folder.is_dir() {
        return Err(
            Error::invalid(format!("{} is a file, not a folder", folder.display())).with_hint("give the folder that holds the database")
        );
    }
    Ok(Store::from_local(DurableLocal::new(&folder), &folder.display().to_string()))
}

async fn remote(bucket: Bucket, options: &[(String, String)]) -> Result<Store> {
    match bucket.service {
        Service::S3 => super::s3::connect(bucket, options).await,
        Service::Gcs | Service::Azure => super::other_clouds::connect(bucket, options),
    }
}
