//! Functions of JSON, which is text here: what they are given is read, what they give is written without blanks.

mod nodes;
mod paths;
mod structure;
mod transform;
mod tree;
mod values;
mod write;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

use super::rows::{Args, Function, Kind, Out, count, function};
use crate::error::{Error, Result};
use paths::Path;
use tree::Json;

pub(crate) use nodes::COLUMNS;
pub(super) use values::functions as of_any_type;

/// Those whose result is of several columns, or of a type that a constant tells.
pub(super) fn of_structures() -> Vec<Arc<ScalarUDF>> {
    [nodes::functions(), transform::functions()].concat()
}

/// All that look at rows.
pub(super) fn functions() -> Vec<Function> {
    [extraction(), inspection(), changes()].concat()
}

fn extraction() -> Vec<Function> {
    use Kind::{Bool, Int, Text, Texts};
    let path = "json_extract(json, path)";
    vec![
        function(
            "json_extract",
            path,
            "the part of JSON at a path such as '$.a[0].b', a key or a place",
            "json_extract('{\"a\": [1, 2]}', '$.a[1]')",
        )
        .also(&["json_extract_path", "json_get", "json_query"])
        .form(&[Text, Text], Text, |a| extracted(a, &Path::parse(a.text(1)?)?).map(|part| part.map(|part| part.text()).into()))
        .form(&[Text, Int], Text, |a| extracted(a, &Path::place(a.int(1)?)).map(|part| part.map(|part| part.text()).into()))
        .form(&[Text, Texts], Texts, |a| each(a, |part| part.text())),
        function(
            "json_extract_string",
            path,
            "the part of JSON at a path as a text, without the quotes of a string",
            "json_extract_string('{\"a\": \"x\"}', 'a')",
        )
        .also(&["json_extract_path_text", "json_extract_text", "json_unquote", "get_json_object"])
        .form(&[Text, Text], Text, |a| extracted(a, &Path::parse(a.text(1)?)?).map(|part| part.and_then(|part| part.plain()).into()))
        .form(&[Text, Int], Text, |a| extracted(a, &Path::place(a.int(1)?)).map(|part| part.and_then(|part| part.plain()).into()))
        .form(&[Text, Texts], Texts, |a| each(a, |part| part.plain().unwrap_or_default())),
        function(
            "json_extract_all",
            "json_extract_all(json, path)",
            "all parts of JSON at a path with a wildcard, as a list; what json_extract is with such a path",
            "json_extract_all('{\"a\": [1, 2]}', '$.a[*]')",
        )
        .form(&[Text, Text], Texts, |a| all(a, |part| Some(part.text()))),
        function(
            "json_extract_string_all",
            "json_extract_string_all(json, path)",
            "all parts of JSON at a path with a wildcard, as a list of texts without quotes",
            "json_extract_string_all('[\"x\", \"y\"]', '$[*]')",
        )
        .form(&[Text, Text], Texts, |a| all(a, |part| part.plain())),
        function(
            "json_value",
            path,
            "the part of JSON at a path if it is neither an array nor an object",
            "json_value('{\"a\": 1}', '$.a')",
        )
        .form(&[Text, Text], Text, |a| {
            let part = extracted(a, &Path::parse(a.text(1)?)?)?;
            Ok(part.filter(|part| !matches!(part, Json::Array(_) | Json::Object(_))).map(|part| part.text()).into())
        }),
        function("json_exists", "json_exists(json, path)", "whether there is something at a path", "json_exists('{\"a\": 1}', '$.a')")
            .form(&[Text, Text], Bool, |a| Ok(extracted(a, &Path::parse(a.text(1)?)?)?.is_some().into())),
    ]
}

fn inspection() -> Vec<Function> {
    use Kind::{Bool, Int, Text, Texts};
    vec![
        function(
            "json_array_length",
            "json_array_length(json[, path])",
            "how many elements an array has; 0 of what is none",
            "json_array_length('[1, 2]')",
        )
        .also(&["json_length"])
        .form(&[Text], Int, |a| Ok(tree::parse(a.text(0)?)?.elements().into()))
        .form(&[Text, Text], Int, |a| at(a, |part| part.elements().into())),
        function("json_keys", "json_keys(json[, path])", "the keys of an object", "json_keys('{\"a\": 1}')")
            .also(&["json_object_keys"])
            .form(&[Text], Texts, |a| Ok(tree::parse(a.text(0)?)?.keys().into_iter().collect()))
            .form(&[Text, Text], Texts, |a| at(a, |part| part.keys().into_iter().collect())),
        function(
            "json_type",
            "json_type(json[, path])",
            "OBJECT, ARRAY, VARCHAR, BIGINT, UBIGINT, DOUBLE, BOOLEAN or NULL",
            "json_type('[1]')",
        )
        .also(&["json_typeof"])
        .form(&[Text], Text, |a| Ok(tree::parse(a.text(0)?)?.kind().into()))
        .form(&[Text, Text], Text, |a| at(a, |part| part.kind().into())),
        function(
            "json_structure",
            "json_structure(json)",
            "what JSON is built of, as JSON: names, types, and arrays of them",
            "json_structure('{\"a\": [1, 2]}')",
        )
        .form(&[Text], Text, |a| structure::structure_of(a.text(0)?).map(Into::into)),
        function("json_valid", "json_valid(text)", "whether a text is JSON", "json_valid('{}')")
            .form(&[Text], Bool, |a| Ok(tree::parse(a.text(0)?).is_ok().into())),
        function("json_contains", "json_contains(json, part)", "whether JSON has a part", "json_contains('[1, 2]', '2')").form(
            &[Text, Text],
            Bool,
            |a| Ok(tree::parse(a.text(0)?)?.contains(&tree::parse(a.text(1)?)?).into()),
        ),
    ]
}

fn changes() -> Vec<Function> {
    use Kind::Text;
    vec![
        function("json", "json(text)", "a text checked to be JSON, without blanks", "json('{ \"a\" : 1 }')")
            .also(&["parse_json", "json_parse"])
            .form(&[Text], Text, |a| Ok(tree::parse(a.text(0)?)?.text().into())),
        function("try_parse_json", "try_parse_json(text)", "as json; NULL for what is none", "try_parse_json('{')").form(
            &[Text],
            Text,
            |a| Ok(tree::parse(a.text(0)?).ok().map(|json| json.text()).into()),
        ),
        function("json_pretty", "json_pretty(json)", "JSON with line breaks", "json_pretty('{\"a\": [1]}')")
            .form(&[Text], Text, |a| Ok(tree::parse(a.text(0)?)?.pretty().into())),
        function(
            "json_merge_patch",
            "json_merge_patch(json, patch)",
            "an object with the keys of another put in; null takes one out",
            "json_merge_patch('{\"a\": 1}', '{\"b\": 2}')",
        )
        .form(&[Text, Text], Text, |a| Ok(tree::parse(a.text(0)?)?.patched(tree::parse(a.text(1)?)?).text().into())),
    ]
}

/// The first part at a path, or all of them as an array where the path may have several.
fn extracted<'a>(a: &Args<'a>, path: &Path) -> Result<Option<Json<'a>>> {
    let json = tree::parse(a.text(0)?)?;
    if path.has_several() {
        return Ok(Some(Json::Array(path.all(&json).into_iter().cloned().collect())));
    }
    Ok(path.all(&json).first().map(|part| (*part).clone()))
}

/// The list of all parts at a path.
fn all<'a>(a: &Args<'a>, of: fn(&Json<'_>) -> Option<String>) -> Result<Out<'a>> {
    let (json, path) = (tree::parse(a.text(0)?)?, Path::parse(a.text(1)?)?);
    Ok(Out::Texts(path.all(&json).into_iter().map(|part| of(part).map(Into::into)).collect()))
}

/// The name of the function that gives a list, in place of one that is given a path with a wildcard.
pub(crate) fn for_several(function: &str) -> Option<&'static str> {
    match function {
        "json_extract" | "json_extract_path" => Some("json_extract_all"),
        "json_extract_string" | "json_extract_path_text" => Some("json_extract_string_all"),
        _ => None,
    }
}

/// Whether a text is a path that may lead to several parts.
pub(crate) fn has_several(path: &str) -> bool {
    path.starts_with('$') && Path::parse(path).is_ok_and(|path| path.has_several())
}

/// What a function makes of the part at the path that is the second argument.
fn at<'a>(a: &Args<'a>, of: impl FnOnce(&Json<'a>) -> Out<'a>) -> Result<Out<'a>> {
    Ok(extracted(a, &Path::parse(a.text(1)?)?)?.map_or(Out::Null, |part| of(&part)))
}

/// The parts at several paths.
fn each<'a>(a: &Args<'a>, of: fn(&Json<'_>) -> String) -> Result<Out<'a>> {
    let parts = a.texts(1)?.iter().map(|path| match path {
        Some(path) => Ok(extracted(a, &Path::parse(path)?)?.filter(|part| !matches!(part, Json::Null)).map(|part| of(&part).into())),
        None => Ok(None),
    });
    Ok(Out::Texts(parts.collect::<Result<_>>()?))
}

/// The error for a text that is not JSON.
fn malformed(text: &str, place: usize, why: &str) -> Error {
    let shown: String = text.chars().take(60).collect();
    Error::invalid(format!("'{shown}' is not JSON: {why} at character {}", count(text.get(..place).unwrap_or(text).chars().count()) + 1))
}
