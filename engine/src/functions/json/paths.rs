//! Paths to parts of JSON: `$.a[0]."b c"`, `$.a[*].b`, `$..b`, `/a/0`; any other text is a key.

use super::tree::Json;
use crate::error::{Error, Result};

/// A path.
#[derive(Debug, PartialEq)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, PartialEq)]
enum Step {
    Key(String),
    /// Counted from the end if negative.
    Place(i64),
    /// A key or, in an array, a place: of a pointer such as `/a/0`.
    KeyOrPlace(String),
    AllValues,
    AllPlaces,
    /// Everything below, and itself.
    Anywhere,
}

impl Path {
    /// A place in an array.
    pub(super) fn place(place: i64) -> Self {
        Self(vec![Step::Place(place)])
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix('$') {
            return steps(text, rest).map(Self);
        }
        if let Some(pointer) = text.strip_prefix('/') {
            let keys = pointer.split('/').map(|key| Step::KeyOrPlace(key.replace("~1", "/").replace("~0", "~")));
            return Ok(Self(keys.collect()));
        }
        Ok(Self(vec![Step::Key(text.to_owned())]))
    }

    /// Whether it may lead to several parts.
    pub(super) fn has_several(&self) -> bool {
        self.0.iter().any(|step| matches!(step, Step::AllValues | Step::AllPlaces | Step::Anywhere))
    }

    /// All parts that it leads to.
    pub(super) fn all<'j, 'a>(&self, json: &'j Json<'a>) -> Vec<&'j Json<'a>> {
        let mut found = vec![json];
        for step in &self.0 {
            let mut next = Vec::new();
            for part in found {
                step.follow(part, &mut next);
            }
            found = next;
        }
        found
    }
}

impl Step {
    fn follow<'j, 'a>(&self, json: &'j Json<'a>, found: &mut Vec<&'j Json<'a>>) {
        match (self, json) {
            (Self::Key(key) | Self::KeyOrPlace(key), Json::Object(entries)) => {
                found.extend(entries.iter().find(|(known, _)| known == key).map(|(_, value)| value));
            }
            (Self::KeyOrPlace(place), Json::Array(items)) => found.extend(place.parse().ok().and_then(|place: usize| items.get(place))),
            (Self::Place(place), Json::Array(items)) => {
                let place = if *place < 0 { i64::try_from(items.len()).unwrap_or(0) + place } else { *place };
                found.extend(usize::try_from(place).ok().and_then(|place| items.get(place)));
            }
            (Self::AllPlaces, Json::Array(items)) => found.extend(items),
            (Self::AllValues, Json::Object(entries)) => found.extend(entries.iter().map(|(_, value)| value)),
            (Self::Anywhere, _) => anywhere(json, found),
            _ => {}
        }
    }
}

fn anywhere<'j, 'a>(json: &'j Json<'a>, found: &mut Vec<&'j Json<'a>>) {
    found.push(json);
    match json {
        Json::Array(items) => items.iter().for_each(|item| anywhere(item, found)),
        Json::Object(entries) => entries.iter().for_each(|(_, value)| anywhere(value, found)),
        _ => {}
    }
}

fn steps(path: &str, mut rest: &str) -> Result<Vec<Step>> {
    let broken = |rest: &str| Error::invalid(format!("the JSON path '{path}' is broken at '{rest}'")).with_hint("such as '$.a[0].b'");
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let here = rest;
        if let Some(behind) = rest.strip_prefix('[') {
            let end = behind.find(']').ok_or_else(|| broken(here))?;
            steps.push(match &behind[..end] {
                "*" => Step::AllPlaces,
                place => {
                    let number = place.strip_prefix('#').unwrap_or(place);
                    Step::Place(number.parse().map_err(|_| broken(here))?)
                }
            });
            rest = &behind[end + 1..];
            continue;
        }
        let Some(mut behind) = rest.strip_prefix('.') else { return Err(broken(here)) };
        if let Some(deeper) = behind.strip_prefix('.') {
            steps.push(Step::Anywhere);
            behind = deeper;
        }
        if let Some(quoted) = behind.strip_prefix('"') {
            let end = quoted.find('"').ok_or_else(|| broken(here))?;
            steps.push(Step::Key(quoted[..end].to_owned()));
            rest = &quoted[end + 1..];
            continue;
        }
        let end = behind.find(['.', '[']).unwrap_or(behind.len());
        steps.push(match &behind[..end] {
            "" => return Err(broken(here)),
            "*" => Step::AllValues,
            key => Step::Key(key.to_owned()),
        });
        rest = &behind[end..];
    }
    Ok(steps)
}
