//! Characters as numbers, digests, hexadecimal and other codes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::super::rows::{Function, Kind, Out, function};
use crate::error::{Error, Result};
use Kind::{Bytes, Int, Text};

/// What a URL keeps as it is, beside letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(super) fn functions() -> Vec<Function> {
    [digests(), digits_and_bytes()].concat()
}

fn digests() -> Vec<Function> {
    vec![
        function("ascii", "ascii(text)", "the code of the first character; 0 of an empty text", "ascii('A')")
            .form(&[Text], Int, |a| Ok(first(a.text(0)?).unwrap_or(0).into())),
        function("unicode", "unicode(text)", "the code of the first character; -1 of an empty text", "unicode('é')").also(&["ord"]).form(
            &[Text],
            Int,
            |a| Ok(first(a.text(0)?).unwrap_or(-1).into()),
        ),
        function("chr", "chr(code)", "the character of a code", "chr(233)")
            .also(&["char"])
            .form(&[Int], Text, |a| Ok(character(a.int(0)?)?.to_string().into())),
        function("md5", "md5(text)", "MD5 of a text, in hexadecimal digits", "md5('a')")
            .form(&[Text], Text, |a| Ok(digits(&md5::Md5::digest(a.bytes(0)?)).into()))
            .form(&[Bytes], Text, |a| Ok(digits(&md5::Md5::digest(a.bytes(0)?)).into())),
        function("sha1", "sha1(text)", "SHA-1 of a text, in hexadecimal digits", "sha1('a')")
            .form(&[Text], Text, |a| Ok(digits(&sha1::Sha1::digest(a.bytes(0)?)).into()))
            .form(&[Bytes], Text, |a| Ok(digits(&sha1::Sha1::digest(a.bytes(0)?)).into())),
        function("sha256", "sha256(text)", "SHA-256 of a text, in hexadecimal digits", "sha256('a')")
            .form(&[Text], Text, |a| Ok(digits(&Sha256::digest(a.bytes(0)?)).into()))
            .form(&[Bytes], Text, |a| Ok(digits(&Sha256::digest(a.bytes(0)?)).into())),
        function("sha384", "sha384(text)", "SHA-384 of a text, in hexadecimal digits", "sha384('a')")
            .form(&[Text], Text, |a| Ok(digits(&Sha384::digest(a.bytes(0)?)).into()))
            .form(&[Bytes], Text, |a| Ok(digits(&Sha384::digest(a.bytes(0)?)).into())),
        function("sha512", "sha512(text)", "SHA-512 of a text, in hexadecimal digits", "sha512('a')")
            .form(&[Text], Text, |a| Ok(digits(&Sha512::digest(a.bytes(0)?)).into()))
            .form(&[Bytes], Text, |a| Ok(digits(&Sha512::digest(a.bytes(0)?)).into())),
    ]
}

fn digits_and_bytes() -> Vec<Function> {
    vec![
        function("hex", "hex(value)", "a number, a text's bytes or a BLOB in hexadecimal digits", "hex(255)")
            .also(&["to_hex"])
            .form(&[Text], Text, |a| Ok(digits(a.bytes(0)?).to_uppercase().into()))
            .form(&[Bytes], Text, |a| Ok(digits(a.bytes(0)?).to_uppercase().into()))
            .form(&[Int], Text, |a| Ok(format!("{:X}", a.int(0)?).into())),
        function("unhex", "unhex(digits)", "the bytes that hexadecimal digits stand for", "unhex('616263')").also(&["from_hex"]).form(
            &[Text],
            Bytes,
            |a| from_hex(a.text(0)?).map(Into::into),
        ),
        function("bin", "bin(number)", "a number in binary digits", "bin(5)")
            .also(&["to_binary"])
            .form(&[Int], Text, |a| Ok(format!("{:b}", a.int(0)?).into()))
            .form(&[Text], Text, |a| Ok(a.bytes(0)?.iter().map(|byte| format!("{byte:08b}")).collect::<String>().into())),
        function("unbin", "unbin(digits)", "the bytes that binary digits stand for", "unbin('01100001')").also(&["from_binary"]).form(
            &[Text],
            Bytes,
            |a| from_binary(a.text(0)?).map(Into::into),
        ),
        function("to_base", "to_base(number, radix[, digits])", "a number in digits of a radix from 2 to 36", "to_base(255, 16)")
            .form(&[Int, Int], Text, |a| to_base(a.int(0)?, a.int(1)?, 0).map(Into::into))
            .form(&[Int, Int, Int], Text, |a| to_base(a.int(0)?, a.int(1)?, a.int(2)?).map(Into::into)),
        function("base64", "base64(bytes)", "bytes in base64", "base64('abc')")
            .also(&["to_base64"])
            .form(&[Text], Text, |a| Ok(STANDARD.encode(a.bytes(0)?).into()))
            .form(&[Bytes], Text, |a| Ok(STANDARD.encode(a.bytes(0)?).into())),
        function("from_base64", "from_base64(text)", "the bytes that base64 stands for", "from_base64('YWJj')").also(&["unbase64"]).form(
            &[Text],
            Bytes,
            |a| {
                let text = a.text(0)?;
                let decoded = STANDARD.decode(text).map_err(|error| Error::invalid(format!("'{text}' is not base64: {error}")))?;
                Ok(decoded.into())
            },
        ),
        function(
            "encode",
            "encode(text[, format])",
            "a text as its bytes; bytes as a text in 'hex', 'base64' or 'escape'",
            "encode('abc')",
        )
        .form(&[Text], Bytes, |a| Ok(a.bytes(0)?.to_vec().into()))
        .form(&[Text, Text], Text, |a| encoded(a.bytes(0)?, a.text(1)?).map(Into::into))
        .form(&[Bytes, Text], Text, |a| encoded(a.bytes(0)?, a.text(1)?).map(Into::into)),
        function(
            "decode",
            "decode(bytes) or decode(text, format)",
            "bytes as the text that they are; the bytes of a text in 'hex' or 'base64'",
            "decode(encode('abc'))",
        )
        .form(&[Bytes], Text, |a| {
            let text = std::str::from_utf8(a.bytes(0)?).map_err(|_| Error::invalid("these bytes are not UTF-8"))?;
            Ok(text.to_owned().into())
        })
        .form(&[Text, Text], Bytes, |a| decoded(a.text(0)?, a.text(1)?).map(Into::into)),
        function("url_encode", "url_encode(text)", "a text as part of a URL", "url_encode('a b')")
            .form(&[Text], Text, |a| Ok(utf8_percent_encode(a.text(0)?, ENCODED).to_string().into())),
        function("url_decode", "url_decode(text)", "the text that a part of a URL stands for", "url_decode('a%20b')").form(
            &[Text],
            Text,
            |a| {
                let decoded = percent_decode_str(a.text(0)?).decode_utf8();
                Ok(Out::from(decoded.map_err(|_| Error::invalid("what is encoded is not UTF-8"))?.into_owned()))
            },
        ),
    ]
}

fn first(text: &str) -> Option<i64> {
    text.chars().next().map(|character| i64::from(u32::from(character)))
}

fn character(code: i64) -> Result<char> {
    let character = u32::try_from(code).ok().and_then(char::from_u32);
    character.ok_or_else(|| Error::invalid(format!("there is no character with the code {code}")))
}

/// Bytes as hexadecimal digits.
pub(in crate::functions) fn digits(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    // An odd number of digits lacks a zero in front.
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    let values: Option<Vec<u8>> = padded.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let values = values.ok_or_else(|| Error::invalid(format!("'{text}' has other characters than hexadecimal digits")))?;
    Ok(values.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn from_binary(text: &str) -> Result<Vec<u8>> {
    if let Some(other) = text.chars().find(|digit| !matches!(digit, '0' | '1')) {
        return Err(Error::invalid(format!("'{other}' is no binary digit")));
    }
    let padded = format!("{}{text}", "0".repeat((8 - text.len() % 8) % 8));
    Ok(padded.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |value, digit| value << 1 | (digit - b'0'))).collect())
}

fn to_base(number: i64, radix: i64, least: i64) -> Result<String> {
    let radix = u32::try_from(radix).ok().filter(|radix| (2..=36).contains(radix));
    let radix = radix.ok_or_else(|| Error::invalid("a radix is from 2 to 36"))?;
    let least = usize::try_from(least).ok().filter(|least| *least <= 64).ok_or_else(|| Error::invalid("digits are from 0 to 64"))?;
    if number < 0 {
        return Err(Error::invalid("to_base takes no negative number"));
    }
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        let digit = u32::try_from(rest % u64::from(radix)).unwrap_or_default();
        digits.extend(char::from_digit(digit, radix).map(|digit| digit.to_ascii_uppercase()));
        rest /= u64::from(radix);
    }
    while digits.len() < least {
        digits.push('0');
    }
    Ok(digits.into_iter().rev().collect())
}

fn encoded(bytes: &[u8], format: &str) -> Result<String> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => Ok(digits(bytes)),
        "base64" => Ok(STANDARD.encode(bytes)),
        "escape" => Ok(bytes
            .iter()
            .map(|byte| match byte {
                b'\\' => "\\\\".to_owned(),
                0 | 128.. => format!("\\{byte:03o}"),
                _ => char::from(*byte).to_string(),
            })
            .collect()),
        _ => Err(no_format(format)),
    }
}

fn decoded(text: &str, format: &str) -> Result<Vec<u8>> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => from_hex(text),
        "base64" => STANDARD.decode(text).map_err(|error| Error::invalid(format!("'{text}' is not base64: {error}"))),
        _ => Err(no_format(format)),
    }
}

fn no_format(format: &str) -> Error {
    Error::invalid(format!("'{format}' is no format of bytes")).with_hint("formats are 'hex', 'base64' and, to encode, 'escape'")
}
