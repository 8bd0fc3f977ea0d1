//! Source files in a bucket, for engines that read them there.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};

use crate::engines::{Source, runtime};
use crate::error::{Context, Result};

/// Bytes that are read and handed on at once.
const CHUNK: usize = 8 << 20;

/// Splits `s3://BUCKET/KEY`.
///
/// # Errors
/// When it is no such URL.
pub(crate) fn split(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("s3://").context(format!("'{url}' is not in a bucket: s3://BUCKET/PREFIX"))?;
    Ok(rest.split_once('/').unwrap_or((rest, "")))
}

/// A client for a bucket: credentials from the environment, and the endpoint too, if none is given.
///
/// # Errors
/// When the environment does not say enough.
pub(crate) fn client(bucket: &str, endpoint: Option<&str>) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_allow_http(true);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build().context(format!("opening the bucket {bucket}"))?))
}

/// Copies the sources below a URL, not through the proxy, and says where they are.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn upload(sources: &[Source], below: &str) -> Result<Vec<Source>> {
    let (bucket, prefix) = split(below)?;
    let store = client(bucket, None)?;
    let runtime = runtime(1)?;
    let mut uploaded = Vec::new();
    for source in sources {
        let key = format!("{prefix}/{}.parquet", source.name);
        eprintln!("copying {} to the bucket …", source.name);
        runtime.block_on(copy(store.as_ref(), &source.path, &Path::from(key.as_str()))).context(format!("copying {}", source.path))?;
        uploaded.push(Source { name: source.name.clone(), path: format!("s3://{bucket}/{key}") });
    }
    Ok(uploaded)
}

async fn copy(store: &dyn ObjectStore, file: &str, key: &Path) -> Result<()> {
    let mut file = File::open(file)?;
    let mut writer = WriteMultipart::new(store.put_multipart(key).await?);
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        writer.wait_for_capacity(4).await?;
        writer.write(&chunk[..length]);
    }
    writer.finish().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_keys() -> Result<()> {
        assert_eq!(split("s3://b/k/l")?, ("b", "k/l"));
        assert_eq!(split("s3://b")?, ("b", ""));
        assert!(split("/folder").is_err());
        Ok(())
    }
}
