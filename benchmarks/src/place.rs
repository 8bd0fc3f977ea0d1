//! Where a suite puts its databases: a folder or a bucket, near or far away.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::proxy::{Distance, Proxy};

/// The store to measure on.
#[derive(Debug, Clone, clap::Args)]
pub struct StoreArgs {
    /// A folder, or s3://BUCKET/PREFIX (credentials and endpoint as the AWS command line takes them from the environment)
    #[arg(long, default_value = "target/bench-store")]
    pub store: String,
    /// Put a proxy before the bucket's server (AWS_ENDPOINT_URL) that makes it far away
    #[arg(long)]
    pub far: bool,
    /// How far
    #[command(flatten)]
    pub distance: Distance,
    /// Keep the databases that were made in a folder (those in a bucket are always kept)
    #[arg(long)]
    pub keep: bool,
}

/// A database's URL and the options of its store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Location {
    /// The URL.
    pub url: String,
    /// Options of the store, as `clouddb_storage::OpenOptions` takes them.
    pub options: Vec<(String, String)>,
}

/// A place for one suite's databases. Dropping it removes the folder that it made.
pub struct Place {
    root: String,
    options: Vec<(String, String)>,
    /// The proxy, if the store is to be far away.
    pub proxy: Option<Proxy>,
    remove: Option<PathBuf>,
}

impl Place {
    /// A fresh place for a suite below the store that was asked for.
    ///
    /// # Errors
    /// When a store on a disk is to be far away, no endpoint is known, or a folder cannot be made.
    pub fn new(args: &StoreArgs, suite: &str) -> Result<Self> {
        #[allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let name = format!("{suite}-{stamp}");
        if !args.store.contains("://") {
            if args.far {
                return Err(Error::new("--far needs a store behind a network: give --store s3://BUCKET/PREFIX"));
            }
            let folder = Path::new(&args.store).join(name);
            std::fs::create_dir_all(&folder).context(format!("making the folder {}", folder.display()))?;
            let folder = folder.canonicalize()?;
            let root = folder.to_str().context("the store's path is not UTF-8")?.to_owned();
            return Ok(Self { root, options: Vec::new(), proxy: None, remove: (!args.keep).then_some(folder) });
        }
        let mut options = Vec::new();
        let mut proxy = None;
        if args.far {
            let upstream = std::env::var("AWS_ENDPOINT_URL").context(
                "--far needs the environment variable AWS_ENDPOINT_URL, as http://127.0.0.1:9000, to know what to be in front of",
            )?;
            let started = Proxy::start(&upstream, args.distance, 0)?;
            options.push(("aws_endpoint".to_owned(), started.url()));
            options.push(("aws_allow_http".to_owned(), "true".to_owned()));
            proxy = Some(started);
        }
        Ok(Self { root: format!("{}/{name}", args.store.trim_end_matches('/')), options, proxy, remove: None })
    }

    /// A database of this place, through the proxy if there is one.
    pub fn database(&self, name: &str) -> Location {
        Location { url: format!("{}/{name}", self.root), options: self.options.clone() }
    }

    /// The same database without the proxy: for preparing and checking what is not measured.
    pub fn near(&self, name: &str) -> Location {
        Location { url: format!("{}/{name}", self.root), options: Vec::new() }
    }

    /// How far away it is, for names of files: `local`, `bucket`, `far`.
    pub fn kind(&self) -> &'static str {
        match (&self.proxy, self.folder()) {
            (Some(_), _) => "far",
            (None, Some(_)) => "local",
            (None, None) => "bucket",
        }
    }

    /// Whether it is on this machine's own disk, and the folder.
    pub fn folder(&self) -> Option<&Path> {
        (!self.root.contains("://")).then(|| Path::new(&self.root))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.remove {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(store: &str, far: bool) -> StoreArgs {
        StoreArgs { store: store.to_owned(), far, distance: Distance { delay_ms: 0, rate_mb: 0 }, keep: false }
    }

    #[test]
    fn a_folder_is_removed_when_its_suite_is_over() -> Result<()> {
        let root = tempfile::tempdir()?;
        let store = root.path().to_string_lossy().into_owned();
        let place = Place::new(&args(&store, false), "suite")?;
        let folder = place.folder().context("no folder")?.to_owned();
        assert!(folder.is_dir());
        assert!(place.database("db").url.ends_with("/db"));
        drop(place);
        assert!(!folder.exists() && root.path().exists());
        assert!(Place::new(&args(&store, true), "suite").is_err());
        Ok(())
    }
}
