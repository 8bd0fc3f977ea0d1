//! Parts of files' paths.

use super::super::rows::{Args, Function, Kind, function};
use crate::error::Result;

pub(super) fn functions() -> Vec<Function> {
    use Kind::{Bool, Text, Texts};
    vec![
        function("parse_filename", "parse_filename(path[, trim_extension])", "the last part of a path", "parse_filename('/a/b.csv')")
            .form(&[Text], Text, |a| Ok(file_name(a.text(0)?).into()))
            .form(&[Text, Bool], Text, |a| {
                let name = file_name(a.text(0)?);
                let stem = name.rfind('.').filter(|dot| *dot > 0 && a.bool(1).unwrap_or_default());
                Ok(stem.map_or(name, |dot| &name[..dot]).into())
            }),
        function("parse_dirname", "parse_dirname(path)", "the first folder of a path", "parse_dirname('a/b/c.csv')").form(
            &[Text],
            Text,
            |a| Ok(first_folder(a.text(0)?).into()),
        ),
        function("parse_dirpath", "parse_dirpath(path)", "the folder of a path", "parse_dirpath('/a/b/c.csv')").form(&[Text], Text, |a| {
            let path = a.text(0)?;
            Ok(path.rfind(is_separator).map_or("", |end| if end == 0 { &path[..1] } else { &path[..end] }).into())
        }),
        function("parse_path", "parse_path(path)", "the parts of a path", "parse_path('/a/b.csv')")
            .form(&[Text], Texts, |a| Ok(parts(a)?.into_iter().collect())),
    ]
}

fn is_separator(character: char) -> bool {
    matches!(character, '/' | '\\')
}

fn file_name(path: &str) -> &str {
    path.rsplit(is_separator).next().unwrap_or(path)
}

fn first_folder(path: &str) -> &str {
    match path.find(is_separator) {
        Some(0) => &path[..1],
        Some(end) => &path[..end],
        None => "",
    }
}

fn parts<'a>(a: &Args<'a>) -> Result<Vec<&'a str>> {
    let path = a.text(0)?;
    let root = path.starts_with(is_separator).then(|| &path[..1]);
    Ok(root.into_iter().chain(path.split(is_separator).filter(|part| !part.is_empty())).collect())
}
