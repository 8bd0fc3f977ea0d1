//! The parts of JSON as rows: what `json_each` and `json_tree` are in FROM.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringViewBuilder, StructArray, UInt64Builder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::ScalarUDF;

use super::super::extended::{Way, alone};
use super::paths::Path;
use super::tree::{self, Json};
use super::write::push_string;
use crate::error::{Error, Result};

/// The columns in FROM, and of the struct of lists.
pub(crate) const COLUMNS: [&str; 8] = ["key", "value", "type", "atom", "id", "parent", "fullkey", "path"];

pub(in crate::functions) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![
        alone(
            &["json_each_columns"],
            "json_each_columns(json[, path])",
            "the elements of an array or an object, as a struct of lists: what FROM json_each(json) gives",
            "json_each_columns('{\"a\": 1}')",
            Way { takes, gives: |_, _| Ok(data_type()), run: |arrays, _| run(arrays, false) },
        ),
        alone(
            &["json_tree_columns"],
            "json_tree_columns(json[, path])",
            "all parts of JSON, as a struct of lists: what FROM json_tree(json) gives",
            "json_tree_columns('{\"a\": [1]}')",
            Way { takes, gives: |_, _| Ok(data_type()), run: |arrays, _| run(arrays, true) },
        ),
    ]
}

fn takes(arguments: &[DataType]) -> Option<Vec<DataType>> {
    let are_texts = arguments.iter().all(|argument| argument.is_string() || argument.is_null());
    (matches!(arguments.len(), 1 | 2) && are_texts).then(|| vec![DataType::Utf8View; arguments.len()])
}

fn fields() -> Fields {
    let field = |name: &&str| {
        let item = if matches!(*name, "id" | "parent") { DataType::UInt64 } else { DataType::Utf8View };
        Field::new(*name, DataType::new_list(item, true), true)
    };
    COLUMNS.iter().map(field).collect()
}

fn data_type() -> DataType {
    DataType::Struct(fields())
}

/// A part of JSON.
struct Node<'j, 'a> {
    json: &'j Json<'a>,
    key: Option<String>,
    /// Its place among all values and keys, as DuckDB counts them.
    id: u64,
    parent: Option<u64>,
    fullkey: String,
    /// The full key of its parent.
    path: String,
}

/// All parts, from the top, in the order in which they are written.
fn nodes<'j, 'a>(json: &'j Json<'a>) -> Vec<Node<'j, 'a>> {
    let mut all = Vec::new();
    let top = Node { json, key: None, id: 0, parent: None, fullkey: "$".to_owned(), path: "$".to_owned() };
    push(top, &mut 0, &mut all);
    all
}

fn push<'j, 'a>(node: Node<'j, 'a>, next: &mut u64, all: &mut Vec<Node<'j, 'a>>) {
    let (json, node_id, fullkey) = (node.json, node.id, node.fullkey.clone());
    *next = node_id + 1;
    all.push(node);
    let child = |json: &'j Json<'a>, key: String, id: u64, step: String| Node {
        json,
        key: Some(key),
        id,
        parent: Some(node_id),
        fullkey: format!("{fullkey}{step}"),
        path: fullkey.clone(),
    };
    match json {
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let below = child(item, at.to_string(), *next, format!("[{at}]"));
                push(below, next, all);
            }
        }
        Json::Object(entries) => {
            for (key, value) in entries {
                // The key is counted, too.
                let below = child(value, key.to_string(), *next + 1, step(key));
                push(below, next, all);
            }
        }
        _ => {}
    }
}

/// A key in a path.
fn step(key: &str) -> String {
    let is_plain = key.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && key.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
    let mut step = ".".to_owned();
    match is_plain {
        true => step.push_str(key),
        false => push_string(key, &mut step),
    }
    step
}

/// The parts that are rows: of what is at a path its elements, or all parts and itself.
fn chosen<'j, 'a>(json: &'j Json<'a>, path: Option<&Path>, whole_tree: bool) -> Vec<Node<'j, 'a>> {
    let mut all = nodes(json);
    let found = match path {
        Some(path) => path.all(json).first().copied(),
        None => Some(json),
    };
    let Some(at) = found.and_then(|found| all.iter().position(|node| std::ptr::eq(node.json, found))) else { return Vec::new() };
    // What is below has greater places, up to the first that is not.
    let mut rows = all.split_off(at);
    let depth = rows[0].fullkey.clone();
    let beyond = rows.iter().skip(1).position(|node| !is_below(&node.path, &depth));
    rows.truncate(beyond.map_or(rows.len(), |beyond| beyond + 1));
    let is_leaf = rows.len() == 1 && !matches!(rows[0].json, Json::Array(_) | Json::Object(_));
    let top = &mut rows[0];
    top.key = None;
    top.parent = None;
    top.path.clone_from(&depth);
    if whole_tree || is_leaf {
        return rows;
    }
    let id = rows[0].id;
    rows.retain(|node| node.parent == Some(id));
    rows.iter_mut().for_each(|node| node.parent = None);
    rows
}

/// Whether a path is another one, or leads further from there.
fn is_below(path: &str, from: &str) -> bool {
    path.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The lists of the eight columns.
#[derive(Default)]
struct Lists {
    texts: [ListBuilder<StringViewBuilder>; 6],
    numbers: [ListBuilder<UInt64Builder>; 2],
}

impl Lists {
    fn push(&mut self, rows: &[Node<'_, '_>]) {
        for node in rows {
            let [key, value, kind, atom, fullkey, path] = &mut self.texts;
            let [id, parent] = &mut self.numbers;
            let text = node.json.text();
            key.values().append_option(node.key.as_deref());
            value.values().append_value(&text);
            kind.values().append_value(node.json.kind());
            let is_atom = !matches!(node.json, Json::Null | Json::Array(_) | Json::Object(_));
            atom.values().append_option(is_atom.then_some(&text));
            fullkey.values().append_value(&node.fullkey);
            path.values().append_value(&node.path);
            id.values().append_value(node.id);
            parent.values().append_option(node.parent);
        }
        self.texts.iter_mut().for_each(|lists| lists.append(true));
        self.numbers.iter_mut().for_each(|lists| lists.append(true));
    }

    fn finish(mut self) -> Vec<ArrayRef> {
        let [key, value, kind, atom, fullkey, path] = self.texts.each_mut().map(|lists| Arc::new(lists.finish()) as ArrayRef);
        let [id, parent] = self.numbers.each_mut().map(|lists| Arc::new(lists.finish()) as ArrayRef);
        vec![key, value, kind, atom, id, parent, fullkey, path]
    }
}

fn run(arrays: &[ArrayRef], whole_tree: bool) -> Result<ArrayRef> {
    let texts = arrays.iter().map(|array| Ok(cast(array, &DataType::Utf8View)?)).collect::<Result<Vec<_>>>()?;
    let mut lists = Lists::default();
    for row in 0..texts[0].len() {
        let text = |column: &ArrayRef| column.is_valid(row).then(|| column.as_string_view().value(row).to_owned());
        let (json, path) = (text(&texts[0]), texts.get(1).map(text));
        let (Some(json), false) = (&json, path == Some(None)) else {
            lists.push(&[]);
            continue;
        };
        let path = path.flatten().map(|path| path_of(&path)).transpose()?;
        let json = tree::parse(json)?;
        lists.push(&chosen(&json, path.as_ref(), whole_tree));
    }
    Ok(Arc::new(StructArray::try_new_with_length(fields(), lists.finish(), None, texts[0].len())?))
}

fn path_of(text: &str) -> Result<Path> {
    let wrong = |why: &str| Error::invalid(format!("the path '{text}' that json_each and json_tree are given {why}"));
    if !text.starts_with('$') {
        return Err(wrong("does not begin with $"));
    }
    let path = Path::parse(text)?;
    match path.has_several() {
        true => Err(wrong("may lead to several parts")),
        false => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_are_counted_with_their_keys() {
        let json = tree::parse("[1, {\"x\": [2], \"a b\": 3}]").unwrap();
        let all: Vec<(u64, Option<u64>, String)> = nodes(&json).into_iter().map(|node| (node.id, node.parent, node.fullkey)).collect();
        let expected = [
            (0, None, "$"),
            (1, Some(0), "$[0]"),
            (2, Some(0), "$[1]"),
            (4, Some(2), "$[1].x"),
            (5, Some(4), "$[1].x[0]"),
            (7, Some(2), "$[1].\"a b\""),
        ];
        assert_eq!(all, expected.map(|(id, parent, fullkey)| (id, parent, fullkey.to_owned())));
    }

    #[test]
    fn a_path_is_where_rows_begin() {
        let json = tree::parse("{\"a\": {\"b\": 1}, \"ab\": 2}").unwrap();
        let path = Path::parse("$.a").unwrap();
        let keys = |rows: Vec<Node<'_, '_>>| rows.into_iter().map(|node| node.fullkey).collect::<Vec<_>>();
        assert_eq!(keys(chosen(&json, Some(&path), true)), ["$.a", "$.a.b"]);
        assert_eq!(keys(chosen(&json, Some(&path), false)), ["$.a.b"]);
        assert_eq!(keys(chosen(&json, None, false)), ["$.a", "$.ab"]);
    }
}
