//! Messages of the libraries below that speak of their insides, in words that say what to do.

use crate::semantics::what_is_out_of_range;

/// What a message says to somebody who wrote SQL, and a hint.
pub(super) fn reworded(message: &str) -> Option<(String, String)> {
    named(message).or_else(|| values(message)).or_else(|| queries(message))
}

/// A message and a hint.
fn told(message: impl Into<String>, hint: impl Into<String>) -> Option<(String, String)> {
    Some((message.into(), hint.into()))
}

/// What stands between two texts.
fn between<'a>(message: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(before)?;
    rest.split_once(behind).map(|(found, _)| found)
}

/// The last part of a name.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// About columns and groups.
fn named(message: &str) -> Option<(String, String)> {
    if let Some(column) = between(message, "column \"", "\" must appear in the GROUP BY clause") {
        let hint = format!("write GROUP BY ALL, or any_value({}) for the value of any of the rows", last(column));
        return told(format!("the column '{column}' must be in GROUP BY, or within an aggregate"), hint);
    }
    if message.starts_with("HAVING clause references") {
        return told(
            "HAVING names what is neither in GROUP BY nor within an aggregate",
            "WHERE filters rows before they are grouped; HAVING filters groups, as in HAVING sum(x) > 1",
        );
    }
    if message.starts_with("Aggregate functions are not allowed in the WHERE clause") {
        return told("an aggregate cannot stand in WHERE", "HAVING filters groups, as in GROUP BY x HAVING sum(y) > 1");
    }
    if let Some(inner) = between(message, "Aggregate function calls cannot be nested: '", "'") {
        return told(format!("the aggregate {inner} stands within another"), "compute the inner one in a subquery: FROM (SELECT ...)");
    }
    if message.starts_with("Physical plan does not support logical expression WindowFunction") {
        return told(
            "a window function cannot stand here",
            "QUALIFY filters by window functions, as in QUALIFY row_number() OVER (ORDER BY x) = 1",
        );
    }
    if let Some(field) = message.strip_prefix("Field ").and_then(|rest| rest.strip_suffix(" not found in struct")) {
        return told(format!("there is no field '{field}' in the struct"), "struct_keys(x) tells the fields of a struct");
    }
    if message.starts_with("unnest() requires exactly one argument") {
        return told("unnest takes one list", "write unnest(flatten(x)) for lists in lists, s.* for the fields of a struct");
    }
    None
}

/// About values and their types.
fn values(message: &str) -> Option<(String, String)> {
    if let Some(operation) = message.strip_prefix("Cannot infer common argument type for comparison operation ") {
        let hint = match operation.contains("STRUCT(") || operation.contains("Struct(") {
            true => "rows and structs are compared field by field: both sides have as many, of types that go together",
            false => "cast one side to the type of the other, as in CAST(x AS BIGINT)",
        };
        return told(format!("the sides of a comparison do not go together: {operation}"), hint);
    }
    if let Some(parameter) = between(message, "Placeholder '", "' was not provided a value for execution") {
        return told(
            format!("there is no value for the parameter {parameter}"),
            "PREPARE name AS SELECT ... $1, then EXECUTE name(value); in the shell, \\set name value and :name",
        );
    }
    if let Some(operation) =
        message.strip_prefix("Cannot coerce arithmetic expression ").and_then(|rest| rest.strip_suffix(" to valid types"))
    {
        return told(format!("there is no {operation}"), "cast one side to the type of the other, as in CAST(x AS BIGINT)");
    }
    if message.starts_with("Divide by zero") {
        return told("division by zero", "nullif(x, 0) makes it NULL");
    }
    let cast = message.strip_prefix("Cannot cast string '").or_else(|| message.strip_prefix("Cannot cast value '"));
    if let Some((value, rest)) = cast.and_then(|rest| rest.rsplit_once("' to value of "))
        && let Some(data_type) = rest.strip_suffix(" type")
    {
        return told(no_value(value, data_type), how_written(data_type));
    }
    if let Some(rest) = message.strip_prefix("Can't cast value ")
        && let Some((value, data_type)) = rest.split_once(" to type ")
    {
        return told(
            format!("{value} is out of the range of {data_type}"),
            format!("take a wider type; TRY_CAST(x AS {data_type}) makes it NULL"),
        );
    }
    if let Some((value, _)) = message.strip_prefix("Error parsing timestamp from '").and_then(|rest| rest.rsplit_once("': ")) {
        return told(no_value(value, "TIMESTAMP"), how_written("TIMESTAMP"));
    }
    if let Some(value) = message.strip_prefix("Invalid input syntax for type interval: \"").and_then(|rest| rest.strip_suffix('"')) {
        return told(format!("'{value}' is no INTERVAL"), "write INTERVAL '3 days', INTERVAL '1 hour 30 minutes' or INTERVAL 5 MINUTE");
    }
    if let Some(types) = between(message, "There isn't a common type to coerce ", " in LIKE expression") {
        return told(format!("LIKE compares texts, not {types}"), "CAST(x AS VARCHAR) LIKE ... compares the text of a number");
    }
    if let Some(rest) = message.strip_prefix("Cannot create filter with non-boolean predicate '")
        && let Some((condition, data_type)) = rest.split_once("' returning ")
    {
        let condition = last(condition);
        return told(
            format!("'{condition}' is {data_type}, and no condition"),
            format!("compare it, as in {condition} = ... or {condition} IS NOT NULL"),
        );
    }
    None
}

/// That a text is no value of a type; of a day that there is not, which part of it is wrong.
fn no_value(value: &str, data_type: &str) -> String {
    let is_of_days = data_type == "DATE" || data_type.starts_with("TIMESTAMP");
    match what_is_out_of_range(value).filter(|_| is_of_days) {
        Some(why) => format!("'{value}' is no {data_type}: {why}"),
        None => format!("'{value}' is no {data_type}"),
    }
}

/// How values of a type are written, for one that is none.
fn how_written(data_type: &str) -> String {
    let try_cast = format!("TRY_CAST(x AS {data_type}) makes it NULL");
    match data_type {
        "DATE" => format!("a date is written '2024-01-31'; strptime(text, '%d.%m.%Y') reads others, {try_cast}"),
        "TIMESTAMP" => format!("a timestamp is written '2024-01-31 23:59:00'; strptime(text, '%d.%m.%Y %H:%M') reads others, {try_cast}"),
        "TIME" => format!("a time is written '23:59:00', and is before 24:00; {try_cast}"),
        "BOOLEAN" => format!("true and false are written so, or as 't' and 'f', 'yes' and 'no', '1' and '0'; {try_cast}"),
        _ => format!("{try_cast}; where texts are compared with numbers, CAST(number AS VARCHAR) compares texts"),
    }
}

/// About parts of queries.
fn queries(message: &str) -> Option<(String, String)> {
    if message.starts_with("Scalar subquery returned more than one row") {
        return told(
            "a subquery that stands for one value has several rows",
            "take one: max(x), any_value(x), ORDER BY ... LIMIT 1; or compare with all of them: x IN (SELECT ...)",
        );
    }
    if let Some(columns) = message.strip_prefix("Too many columns! The subquery should only return one column: ") {
        return told(format!("a subquery that stands for one value has several columns: {columns}"), "select one of them");
    }
    if let Some(limit) = between(message, "LIMIT must be >= 0, '", "' was provided") {
        return told(format!("LIMIT cannot be negative: {limit}"), "without LIMIT all rows come");
    }
    if let Some(data_type) = message.strip_prefix("Expected LIMIT to be an integer or null, but got ") {
        return told(format!("LIMIT takes a whole number, not {data_type}"), "write LIMIT 10");
    }
    if let Some((position, most)) =
        message.strip_prefix("Order by column out of bounds, specified: ").and_then(|rest| rest.split_once(", max: "))
    {
        return told(
            format!("ORDER BY {position}: there is no such column"),
            format!("a number is the place of a column, from 1 to {most}"),
        );
    }
    if let Some((position, rest)) =
        message.strip_prefix("Cannot find column with position ").and_then(|rest| rest.split_once(" in SELECT clause"))
    {
        let most = rest.rsplit_once(" to ").map_or("the last", |(_, most)| most);
        return told(
            format!("GROUP BY {position}: there is no such column"),
            format!("a number is the place of a column, from 1 to {most}"),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_understood() {
        for (message, ours) in [
            ("Cannot cast string 'ann' to value of BIGINT type", "'ann' is no BIGINT"),
            ("Can't cast value 3000000000 to type INTEGER", "3000000000 is out of the range of INTEGER"),
            ("Error parsing timestamp from '2024-01-31 25:00:00': error parsing time", "'2024-01-31 25:00:00' is no TIMESTAMP"),
            ("LIMIT must be >= 0, '-1' was provided", "LIMIT cannot be negative: -1"),
            ("Cannot find column with position 3 in SELECT clause. Valid columns: 1 to 1", "GROUP BY 3: there is no such column"),
        ] {
            assert_eq!(reworded(message).map(|(message, _)| message).as_deref(), Some(ours));
        }
        assert_eq!(reworded("there is no table 'x'"), None);
    }
}
