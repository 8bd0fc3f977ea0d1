//! Encodings of text files: told, or recognized by a file's beginning. What is read further on is UTF-8.

use bytes::Bytes;
use encoding_rs::{Decoder, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use crate::error::{Error, Result};

/// How much of a file's beginning tells whether it is UTF-16 without a mark.
const LOOKED_AT: usize = 4096;

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    pub(crate) const UTF_8: Self = Self(UTF_8);

    /// By name, as in `ENCODING 'latin1'`.
    pub(crate) fn from_name(name: &str) -> Result<Self> {
        let plain: String = name.chars().filter(|letter| !matches!(letter, '-' | '_' | ' ')).collect();
        let label = match plain.to_ascii_lowercase().as_str() {
            "utf16" | "utf16le" => "utf-16le".to_owned(),
            "utf16be" => "utf-16be".to_owned(),
            other => other.to_owned(),
        };
        let found = encoding_rs::Encoding::for_label(name.as_bytes()).or_else(|| encoding_rs::Encoding::for_label(label.as_bytes()));
        found.map(Self).ok_or_else(|| {
            Error::unsupported(format!("the encoding '{name}' is not supported")).with_hint(
                "there are utf-8, utf-16, latin1, windows-1252, iso-8859-15, shift_jis, gbk and the others that web browsers know",
            )
        })
    }

    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    /// The encoding of a file that begins with `beginning`: by its mark, by the zeros of UTF-16, else UTF-8 if it can be that.
    pub(super) fn of(beginning: &[u8]) -> Self {
        if let Some((marked, _)) = encoding_rs::Encoding::for_bom(beginning) {
            return Self(marked);
        }
        let looked_at = &beginning[..beginning.len().min(LOOKED_AT)];
        let zeros = |from: usize| looked_at.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd, pairs) = (zeros(0), zeros(1), looked_at.len() / 2);
        if pairs > 0 && odd * 2 > pairs && even == 0 {
            return Self(UTF_16LE);
        }
        if pairs > 0 && even * 2 > pairs && odd == 0 {
            return Self(UTF_16BE);
        }
        match std::str::from_utf8(beginning) {
            Ok(_) => Self::UTF_8,
            // A letter that is cut off at the end is none that is wrong.
            Err(error) if error.error_len().is_none() => Self::UTF_8,
            Err(_) => Self(WINDOWS_1252),
        }
    }

    fn decoder(self) -> Decoder {
        match self.0 == UTF_16LE || self.0 == UTF_16BE {
            // A mark tells which one it is.
            true => self.0.new_decoder(),
            false => self.0.new_decoder_with_bom_removal(),
        }
    }
}

/// A file's bytes as UTF-8. Unless the encoding is told, the first piece tells it.
pub(super) async fn decoded(
    mut pieces: BoxStream<'static, Result<Bytes>>,
    told: Option<Encoding>,
) -> Result<(BoxStream<'static, Result<Bytes>>, Encoding)> {
    let Some(first) = pieces.try_next().await? else { return Ok((pieces, told.unwrap_or(Encoding::UTF_8))) };
    let encoding = told.unwrap_or_else(|| Encoding::of(&first));
    let pieces = stream::once(async move { Ok(first) }).chain(pieces);
    if encoding == Encoding::UTF_8 {
        return Ok((pieces.boxed(), encoding));
    }
    // The decoder is told of the end by `None`.
    let pieces = pieces.map(|piece| piece.map(Some)).chain(stream::once(async { Ok(None) }));
    let decoded = pieces.scan(encoding.decoder(), move |decoder, piece| {
        let text = piece.and_then(|piece| decode(decoder, encoding, piece.as_deref()));
        std::future::ready(Some(text))
    });
    Ok((decoded.boxed(), encoding))
}

fn decode(decoder: &mut Decoder, encoding: Encoding, piece: Option<&[u8]>) -> Result<Bytes> {
    let (bytes, last) = (piece.unwrap_or_default(), piece.is_none());
    let length = decoder.max_utf8_buffer_length(bytes.len()).ok_or_else(|| Error::internal("a piece of a file is too long to decode"))?;
    let mut text = String::with_capacity(length);
    let (_, _, had_errors) = decoder.decode_to_string(bytes, &mut text, last);
    match had_errors {
        false => Ok(text.into()),
        true => Err(Error::invalid(format!("the text is not {}", encoding.name()))
            .with_hint("encoding = 'utf-8', 'latin1' or another name tells how it is encoded")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn encodings_are_recognized() {
        for (bytes, name) in [
            (b"a,b".as_slice(), "UTF-8"),
            (b"", "UTF-8"),
            ("a,\u{fc}".as_bytes(), "UTF-8"),
            // Cut off within a letter.
            (&"a,\u{fc}".as_bytes()[..3], "UTF-8"),
            (b"a,\xfc,b", "windows-1252"),
            (b"\xef\xbb\xbfa", "UTF-8"),
            (b"\xff\xfea\0", "UTF-16LE"),
            (b"\xfe\xff\0a", "UTF-16BE"),
            (b"a\0,\0b\0", "UTF-16LE"),
            (b"\0a\0,\0b", "UTF-16BE"),
        ] {
            assert_eq!(Encoding::of(bytes).name(), name, "{bytes:?}");
        }
    }

    #[test]
    fn names_have_many_spellings() {
        for name in ["latin1", "latin-1", "LATIN_1", "iso-8859-1", "windows-1252", "cp1252"] {
            assert_eq!(Encoding::from_name(name).unwrap(), Encoding(WINDOWS_1252), "{name}");
        }
        assert_eq!(Encoding::from_name("UTF16").unwrap(), Encoding(UTF_16LE));
        assert_eq!(Encoding::from_name("utf-8").unwrap(), Encoding::UTF_8);
        assert!(Encoding::from_name("nosuch").is_err());
    }
}
