//! What functions mean in a session's zone. A function of moments that is in none of the lists is refused: whether it reads a clock has not been decided.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, cast, lit};

use super::{CLOCK, is_moment, shift, shown_argument, turned};
use crate::error::{Error, to_datafusion};
use crate::functions::{length_of_part, scalar_named};
use crate::semantics::typed::type_of;
use crate::semantics::zones;
use crate::types::ZONE;

/// Parts of a clock, each a function.
const PARTS: &[&str] = &[
    "century",
    "day",
    "dayname",
    "dayofweek",
    "dayofyear",
    "days_in_month",
    "decade",
    "era",
    "hour",
    "isodow",
    "isoyear",
    "julian",
    "last_day",
    "microsecond",
    "millennium",
    "millisecond",
    "minute",
    "month",
    "monthname",
    "nanosecond",
    "quarter",
    "second",
    "week",
    "year",
    "yearweek",
];

/// Functions that look at moments as such, or at values of any kind.
const SAME: &[&str] = &[
    "array_any_value",
    "array_append",
    "array_concat",
    "array_distinct",
    "array_element",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_length",
    "array_max",
    "array_min",
    "array_position",
    "array_positions",
    "array_prepend",
    "array_remove",
    "array_remove_all",
    "array_remove_n",
    "array_repeat",
    "array_resize",
    "array_reverse",
    "array_slice",
    "array_sort",
    "array_union",
    "arrow_typeof",
    "cardinality",
    "case",
    "cast",
    "coalesce",
    "decode",
    "empty",
    "epoch",
    "epoch_ms",
    "epoch_ns",
    "epoch_us",
    "error",
    "first_valid",
    "flatten",
    "get_field",
    "greatest",
    "hash",
    "if",
    "ifnull",
    "isfinite",
    "isinf",
    "isnan",
    "least",
    "list_aggregate",
    "list_filter",
    "list_reduce",
    "list_sort",
    "list_transform",
    "make_array",
    "map",
    "map_entries",
    "map_extract",
    "map_from_entries",
    "map_keys",
    "map_values",
    "named_struct",
    "nullif",
    "nvl",
    "nvl2",
    "row",
    "struct",
    "struct_extract",
    "struct_insert",
    "struct_pack",
    "time_bucket",
    "timezone",
    "to_timestamp",
    "try",
    "try_cast",
    "typeof",
    shift::SHIFT,
];

/// Functions, aggregates among them, that show values as texts.
const SHOWS: &[&str] = &[
    "array_to_string",
    "concat",
    "concat_ws",
    "format",
    "json_array",
    "json_group_array",
    "json_group_object",
    "json_group_structure",
    "json_object",
    "printf",
    "row_to_json",
    "to_json",
];

/// Whether it shows values as texts.
pub(super) fn shows(name: &str) -> bool {
    SHOWS.contains(&name)
}

/// A call as it is meant in the zone.
pub(super) fn rewritten(mut call: ScalarFunction, schema: &DFSchema, zone: &str) -> Result<Transformed<Expr>> {
    let name = call.func.name().to_owned();
    if shows(&name) {
        let mut changed = false;
        for argument in &mut call.args {
            let shown = shown_argument(std::mem::take(argument), schema, zone)?;
            changed |= shown.transformed;
            *argument = shown.data;
        }
        return Ok(Transformed::new_transformed(Expr::ScalarFunction(call), changed));
    }
    match (name.as_str(), call.args.len()) {
        ("localtimestamp", 0) => return Ok(Transformed::yes(turned(zone, now()?))),
        ("current_date", 0) => return Ok(Transformed::yes(cast(turned(zone, now()?), DataType::Date32))),
        ("current_time", 0) => return Ok(Transformed::yes(cast(turned(zone, now()?), call.func.return_type(&[])?))),
        ("age", 1) => {
            let today = cast(cast(turned(zone, now()?), DataType::Date32), CLOCK);
            call.args.insert(0, today);
            return Ok(Transformed::yes(Expr::ScalarFunction(call)));
        }
        ("ago", 1) => {
            let by = call.args.remove(0);
            return Ok(Transformed::yes(shift::earlier(zone, now()?, by)));
        }
        // Its parts are those of a clock.
        ("make_timestamptz", 6) => return Ok(Transformed::yes(turned(zone, named("make_timestamp", call.args)?))),
        ("to_timestamp", 2) => return Err(refused(&name, zone, "strptime(text, format) AT TIME ZONE '...' makes a moment of a text")),
        _ => {}
    }
    let types = call.args.iter().map(|argument| type_of(argument, schema)).collect::<Result<Vec<_>>>()?;
    if !types.iter().any(is_moment) {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    let part = call.args.first().and_then(text).map(|part| part.to_lowercase());
    match (name.as_str(), part.as_deref()) {
        (name, _) if SAME.contains(&name) => Ok(Transformed::no(Expr::ScalarFunction(call))),
        (name, _) if PARTS.contains(&name) => clocks(call, &types, zone, false),
        ("date_part", Some("epoch")) => Ok(Transformed::no(Expr::ScalarFunction(call))),
        ("date_part", Some(part @ ("timezone" | "timezone_hour" | "timezone_minute"))) => {
            Ok(Transformed::yes(offset(call.args.pop().unwrap_or_default(), part, zone)?))
        }
        ("timezone_hour", _) => Ok(Transformed::yes(offset(call.args.pop().unwrap_or_default(), "timezone_hour", zone)?)),
        ("date_part", Some(_)) | ("age", _) => clocks(call, &types, zone, false),
        ("date_trunc" | "date_diff" | "date_sub" | "date_add", Some(part)) => match clock_matters(part, zone)? {
            true => clocks(call, &types, zone, name == "date_trunc" || name == "date_add"),
            false => Ok(Transformed::no(Expr::ScalarFunction(call))),
        },
        ("date_add", None) if call.args.len() == 2 => match <[Expr; 2]>::try_from(call.args) {
            Ok([time, by]) => Ok(Transformed::yes(shift::later(zone, time, by))),
            Err(args) => Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction::new_udf(call.func, args)))),
        },
        ("strftime" | "to_char", _) => {
            let format = call.args.iter().find_map(text);
            match format {
                Some(format) if !names_zone(&name, format) => clocks(call, &types, zone, false),
                _ => Err(refused(&name, zone, "a format without the zone works, and so does AT TIME ZONE")),
            }
        }
        _ => Err(refused(&name, zone, "x AT TIME ZONE '...' gives its clock, which every function takes")),
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn names_zone(function: &str, format: &str) -> bool {
    match function {
        "strftime" => ["%z", "%Z", "%c", "%+"].iter().any(|part| format.contains(part)),
        _ => ["TZ", "OF"].iter().any(|part| format.to_uppercase().contains(part)),
    }
}

/// Whether a part of a moment begins elsewhere on the zone's clock than on that of UTC. Hours and less do not, and as clocks show some of them twice, they are
/// better counted by UTC's.
fn clock_matters(part: &str, zone: &str) -> Result<bool> {
    let Some(length) = length_of_part(part) else { return Ok(true) };
    let offset = zones::named(zone).map(|zone| zones::offset_of_moment(zone, 0)).map_err(to_datafusion)?;
    match offset.is_none_or(|offset| offset % length != 0) {
        true => Err(refused(&format!("the part '{part}'"), zone, "x AT TIME ZONE '...' gives the clock, whose hours are counted")),
        false => Ok(false),
    }
}

/// A call with the clocks of its moments; if it gives a clock that stands for a moment, that.
fn clocks(mut call: ScalarFunction, types: &[DataType], zone: &str, is_moment_again: bool) -> Result<Transformed<Expr>> {
    for (argument, _) in call.args.iter_mut().zip(types).filter(|(_, data_type)| is_moment(data_type)) {
        *argument = turned(zone, std::mem::take(argument));
    }
    let call = Expr::ScalarFunction(call);
    Ok(Transformed::yes(if is_moment_again { turned(zone, call) } else { call }))
}

/// By how much the zone's clock is ahead of UTC at a moment.
fn offset(moment: Expr, part: &str, zone: &str) -> Result<Expr> {
    let seconds = named("date_diff", vec![lit("second"), turned(ZONE, moment.clone()), turned(zone, moment)])?;
    Ok(match part {
        "timezone_hour" => seconds / lit(3600_i64),
        "timezone_minute" => seconds % lit(3600_i64) / lit(60_i64),
        _ => seconds,
    })
}

fn now() -> Result<Expr> {
    named("now", vec![])
}

fn named(name: &str, arguments: Vec<Expr>) -> Result<Expr> {
    let function = scalar_named(name).ok_or_else(|| to_datafusion(Error::internal(format!("there is no function {name}"))))?;
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments)))
}

fn refused(what: &str, zone: &str, hint: &str) -> datafusion::common::DataFusionError {
    to_datafusion(Error::unsupported(format!("{what} of a TIMESTAMPTZ in the time zone '{zone}' is not supported")).with_hint(hint))
}
