//! Functions of any value: its type, conditions, errors, random and unique values, the session.

mod choice;
mod meeting;
mod session;
mod types;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

use super::rows::{Args, Function, Kind, Out, function};
use crate::error::{Error, Result};
use crate::semantics::Try;

/// All that look at rows.
pub(super) fn functions() -> Vec<Function> {
    use Kind::{Int, Moment, Shown, Text, Unsigned};
    vec![
        function("error", "error(message)", "stops the statement with a message of one's own", "error('no such customer')")
            .form(&[Text], Text, |a| Err(Error::invalid(a.text(0)?)))
            .volatile(),
        function("hash", "hash(value, ...)", "a number that is the same for the same values", "hash('a')").form_of_many(&[Shown], Shown, Unsigned, |a| hash(a)),
        function("setseed", "setseed(x)", "is not carried out: random numbers cannot be repeated", "setseed(0.5)").form(&[Kind::Float], Text, |_| {
            Err(Error::unsupported("setseed is not supported").with_hint("hash(id) gives numbers that look random and can be repeated"))
        }),
        function("uuid_extract_version", "uuid_extract_version(uuid)", "the version of a UUID", "uuid_extract_version('00000000-0000-4000-8000-000000000000')")
            .form(&[Shown], Int, |a| Ok(uuid_digit(a, 14).map(i64::from).into())),
        function("uuid_extract_timestamp", "uuid_extract_timestamp(uuid)", "the moment in a UUID of version 7; NULL of others", "uuid_extract_timestamp('018f4a10-0000-7000-8000-000000000000')")
            .form(&[Shown], Moment, |a| {
                let digits: String = a.text(0)?.chars().filter(char::is_ascii_hexdigit).take(12).collect();
                let millis = i64::from_str_radix(&digits, 16).ok().filter(|_| uuid_digit(a, 14) == Some(7));
                Ok(millis.map_or(Out::Null, |millis| Out::Micros(millis * 1000)))
            }),
    ]
}

/// Those that take or give values of any type.
pub(super) fn of_any_type() -> Vec<Arc<ScalarUDF>> {
    let attempt = Arc::new(ScalarUDF::new_from_impl(Try::default()));
    [vec![attempt], choice::functions(), meeting::functions(), types::functions(), session::functions()].concat()
}

fn uuid_digit(a: &Args<'_>, place: usize) -> Option<u32> {
    a.text(0).ok()?.chars().nth(place)?.to_digit(16)
}

/// FNV-1a of the values' texts, its bits mixed so that all of them depend on every byte.
fn hash(a: &Args<'_>) -> Result<Out<'static>> {
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |byte: u8| state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for index in 0..a.len() {
        match a.text_or_null(index)? {
            // What ends a text is in none.
            Some(text) => text.bytes().chain([0xff]).for_each(&mut add),
            None => add(0xfe),
        }
    }
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    Ok(Out::Unsigned(state))
}
