//! From `object_store`'s errors to ours: the one place that decides what a caller can do about a failed request.
//!
//! The rule for writes: a kind that promises "this attempt did nothing" (*permission denied*, *limit*, *invalid*, *unsupported*) is given only
//! where the store said so plainly. Everything unclear is *unavailable*.
//!
//! `object_store` keeps the type of its HTTP errors to itself; status and body are taken from their text, whose form this file's tests pin.

use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

use super::Place;
use crate::error::{Error, ErrorKind, Result};

/// What a store answered over HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// The `<Code>` of an S3 error document; empty when there is none.
    pub(super) code: String,
    /// The `<Message>` of an S3 error document, or the start of whatever the body was.
    pub(super) message: String,
    /// The `<Region>` of an S3 error document.
    pub(super) region: Option<String>,
}

/// Walks an error and what caused it.
fn chain<'a>(error: &'a (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(
        text.replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

/// The HTTP answer inside an error, if there was one.
pub(super) fn answer(error: &StoreError) -> Option<Answer> {
    chain(error).find_map(|error| {
        let text = error.to_string();
        let rest = text.strip_prefix("Server returned non-2xx status code: ")?;
        let status = rest.get(..3)?.parse().ok()?;
        let body = rest.split_once(": ").map_or("", |(_, body)| body);
        let message = element(body, "Message").unwrap_or_else(|| body.chars().take(200).collect());
        Some(Answer { status, code: element(body, "Code").unwrap_or_default(), message, region: element(body, "Region") })
    })
}

/// Whether an error says that the requested range is not inside the object.
fn out_of_range(error: &StoreError, answer: Option<&Answer>) -> bool {
    if let Some(answer) = answer {
        return answer.status == 416;
    }
    // `InvalidGetRange` and its like are private types: local disk, memory and the HTTP client word it in these ways.
    chain(error).any(|error| {
        let text = error.to_string();
        text.starts_with("Wanted range starting at") || text.starts_with("Out of range of file") || text.starts_with("Requested ")
    })
}

fn system_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a std::io::Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The deepest cause, which says most in the fewest words.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Translates a failed request on `path`; `doing` is the verb, as in "reading".
pub(super) fn translate(error: StoreError, doing: &str, path: &str, place: &Place) -> Error {
    match own(&error) {
        Some(ours) => ours.clone(),
        None => describe(&error, doing, path, place).with_source(error),
    }
}

/// An error of our own that went through `object_store`; it says all there is to say.
fn own(error: &StoreError) -> Option<&Error> {
    chain(error).find_map(|error| error.downcast_ref())
}

fn describe(error: &StoreError, doing: &str, path: &str, place: &Place) -> Error {
    let what = format!("{doing} {} in {}", if path.is_empty() { "the top folder" } else { path }, place.description);
    let answer = answer(error);
    if out_of_range(error, answer.as_ref()) {
        return Error::corrupt(format!("{what}: the object is shorter than it must be: {}", root_cause(error)));
    }
    match &answer {
        Some(answer) => http(answer, &what, place),
        None => plain(error, &what, place),
    }
}

/// An answer with a status other than success.
fn http(answer: &Answer, what: &str, place: &Place) -> Error {
    let said = match (answer.code.as_str(), answer.message.as_str()) {
        ("", "") => format!("HTTP {}", answer.status),
        ("", message) => format!("HTTP {}: {message}", answer.status),
        (code, message) => format!("HTTP {} {code}: {message}", answer.status),
    };
    let message = format!("{what}: {said}");
    let (kind, hint) = match (answer.status, answer.code.as_str()) {
        (_, "NoSuchBucket") => (ErrorKind::Invalid, Some("create the bucket first, or check its name, region and endpoint".to_string())),
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidSecurity" | "NotSignedUp") => {
            (ErrorKind::PermissionDenied, Some(format!("the store does not know these credentials ({}): check them", place.credentials)))
        }
        (_, "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired" | "RequestExpired") => {
            (ErrorKind::PermissionDenied, Some(format!("the credentials ({}) have expired: log in again or renew them", place.credentials)))
        }
        (_, "RequestTimeTooSkewed") => (ErrorKind::PermissionDenied, Some("this machine's clock is wrong: set it".to_string())),
        (401 | 403, _) => {
            let hint = format!(
                "the credentials used ({}) do not allow this: listing, reading and writing are needed below the prefix",
                place.credentials
            );
            (ErrorKind::PermissionDenied, Some(hint))
        }
        (301 | 307 | 308, _) | (_, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" | "PermanentRedirect") => {
            (ErrorKind::Invalid, Some(wrong_region(answer.region.as_deref())))
        }
        (404, _) => (ErrorKind::NotFound, None),
        (405 | 501, _) | (_, "NotImplemented") => (ErrorKind::Unsupported, None),
        (507, _) | (_, "EntityTooLarge" | "XMinioStorageFull" | "QuotaExceeded" | "TooManyParts") => (ErrorKind::Limit, None),
        // Says 400, but only that the connection or the body was bad this time.
        (400, "RequestTimeout" | "IncompleteBody" | "BadDigest" | "XAmzContentSHA256Mismatch") => (ErrorKind::Unavailable, None),
        (400 | 411 | 414 | 431, _) => (ErrorKind::Invalid, None),
        (413, _) => (ErrorKind::Limit, None),
        _ => (ErrorKind::Unavailable, None),
    };
    let error = Error::new(kind, message);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn wrong_region(region: Option<&str>) -> String {
    match region {
        Some(region) => format!("the bucket is in region {region}: set AWS_REGION={region}, or add ?region={region} to the URL"),
        None => "the bucket is in another region: set AWS_REGION, or add ?region=… to the URL".to_string(),
    }
}

/// An error without an HTTP answer.
fn plain(error: &StoreError, what: &str, place: &Place) -> Error {
    if let Some(io) = system_error(error)
        && let Some(kind) = system_kind(io)
    {
        return Error::new(kind, format!("{what}: {io}"));
    }
    match error {
        StoreError::NotFound { .. } => Error::not_found(format!("{what}: there is no such object")),
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotModified { .. } => {
            Error::already_exists(format!("{what}: the object exists already"))
        }
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            Error::new(ErrorKind::PermissionDenied, format!("{what}: {}", root_cause(error)))
                .with_hint(format!("the credentials used: {}", place.credentials))
        }
        StoreError::InvalidPath { .. } | StoreError::UnknownConfigurationKey { .. } => Error::invalid(format!("{what}: {error}")),
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => Error::unsupported(format!("{what}: {error}")),
        _ if error_text(error).contains("incorrectly configured region") => {
            Error::invalid(format!("{what}: the store redirects elsewhere")).with_hint(wrong_region(None))
        }
        _ => {
            let error = Error::unavailable(format!("{what}: {}", reason(error)));
            match connection_hint(&error) {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        }
    }
}

fn error_text(error: &StoreError) -> String {
    chain(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Why a request got no answer, in few words.
fn reason(error: &StoreError) -> String {
    let http = chain(error).find_map(|error| error.downcast_ref::<HttpError>());
    let cause = root_cause(error);
    match http.map(HttpError::kind) {
        Some(HttpErrorKind::Connect) => format!("cannot connect: {cause}"),
        Some(HttpErrorKind::Timeout) => format!("no answer in time: {cause}"),
        Some(HttpErrorKind::Interrupted) => format!("the connection broke: {cause}"),
        _ => cause,
    }
}

fn connection_hint(error: &Error) -> Option<&'static str> {
    let message = error.message();
    if message.contains("refused") {
        Some("nothing listens there: check the endpoint's host and port")
    } else if message.contains("dns") || message.contains("failed to lookup") || message.contains("Name or service not known") {
        Some("the host name is not known: check the endpoint and the region")
    } else {
        None
    }
}

/// What an error of the operating system means, where it is plain.
fn system_kind(error: &std::io::Error) -> Option<ErrorKind> {
    use std::io::ErrorKind as Io;
    match error.kind() {
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => Some(ErrorKind::Limit),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => Some(ErrorKind::PermissionDenied),
        Io::NotADirectory | Io::IsADirectory | Io::InvalidFilename => Some(ErrorKind::Invalid),
        _ => None,
    }
}

/// What an error of a conditional write means: nothing if it says that the object exists, else the kind of error that it is.
pub(super) fn refusal(error: &StoreError, place: &Place) -> Option<ErrorKind> {
    if let Some(ours) = own(error)
        && !matches!(error, StoreError::AlreadyExists { .. })
    {
        return Some(ours.kind());
    }
    match (error, answer(error)) {
        // 409 is not "exists": S3 gives it while another conditional write to the same key is under way, whose outcome is open.
        (_, Some(Answer { status: 409, code, .. })) if code != "AlreadyExists" => Some(ErrorKind::Unavailable),
        (StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotModified { .. }, _) => None,
        _ => Some(describe(error, "", "", place).kind()),
    }
}

/// Whether a failed request surely never left this machine.
pub(super) fn was_not_sent(error: &StoreError) -> bool {
    chain(error).filter_map(|error| error.downcast_ref::<HttpError>()).any(|error| error.kind() == HttpErrorKind::Connect)
}

/// Translates the answer to a put-if-absent, where "exists" is an answer and not an error.
pub(super) fn put_if_absent(
    result: object_store::Result<object_store::PutResult>,
    path: &str,
    place: &Place,
) -> Result<super::PutIfAbsent> {
    let error = match result {
        Ok(_) => return Ok(super::PutIfAbsent::Created),
        Err(error) => error,
    };
    match refusal(&error, place) {
        None => Ok(super::PutIfAbsent::Exists),
        // Only a conflict is "already exists" by its variant and unavailable by its meaning.
        Some(ErrorKind::Unavailable) if matches!(error, StoreError::AlreadyExists { .. }) => {
            let message = format!("creating {path} in {}: another write to it is under way (HTTP 409)", place.description);
            Err(Error::unavailable(message).with_source(error))
        }
        Some(_) => Err(translate(error, "creating", path, place)),
    }
}
