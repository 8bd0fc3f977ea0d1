//! What to say of a file that is not there: the name that was probably meant, or those that there are.

use futures::TryStreamExt;
use object_store::path::Path;

use super::place::Place;
use crate::nearest::nearest;

/// Objects of a store that are looked at: an error must not take minutes.
const LOOKED_AT: usize = 1000;

/// Names that are shown where none is near.
const SHOWN: usize = 5;

/// What to say of a path that means no file: the nearest name beside it, or what is there.
pub(super) async fn hint(place: &Place) -> Option<String> {
    let local = place.is_local();
    let written = place.written.rsplit_once('/');
    let (folder, name) = match (&place.pattern, place.path.parts().next_back()) {
        (Some(pattern), _) => (place.path.clone(), pattern.as_str().to_owned()),
        (None, Some(last)) => (parent(&place.path), last.as_ref().to_owned()),
        (None, None) => return None,
    };
    let mut names = names_in(place, &folder, local).await;
    if names.is_empty() {
        return (place.pattern.is_none() || local).then(|| {
            let folder = written.map_or(".", |(folder, _)| folder);
            format!("there is no folder '{folder}', or it is empty")
        });
    }
    names.sort();
    let before = written.map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    match nearest(&name, names.iter().map(String::as_str)).filter(|_| place.pattern.is_none()) {
        Some(nearest) => Some(format!("did you mean '{before}{nearest}'?")),
        None => {
            let more = if names.len() > SHOWN { ", ..." } else { "" };
            let shown: Vec<String> = names.into_iter().take(SHOWN).collect();
            Some(format!("there are {}{more}", shown.join(", ")))
        }
    }
}

fn parent(path: &Path) -> Path {
    let parts: Vec<_> = path.parts().collect();
    parts.split_last().map(|(_, parts)| Path::from_iter(parts.iter().cloned())).unwrap_or_default()
}

/// Names of files and folders in a folder. A store's are those of the first objects in it.
async fn names_in(place: &Place, folder: &Path, local: bool) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if local {
        let Ok(found) = place.store.list_with_delimiter(Some(folder)).await else { return names };
        names.extend(found.objects.iter().filter_map(|object| object.location.filename()).map(str::to_owned));
        names.extend(found.common_prefixes.iter().filter_map(|prefix| prefix.filename()).map(|name| format!("{name}/")));
        return names;
    }
    let mut objects = place.store.list(Some(folder));
    let mut looked_at = 0;
    while let Ok(Some(object)) = objects.try_next().await {
        looked_at += 1;
        if let Some(mut parts) = object.location.prefix_match(folder)
            && let Some(first) = parts.next()
        {
            let name = if parts.next().is_some() { format!("{}/", first.as_ref()) } else { first.as_ref().to_owned() };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if looked_at == LOOKED_AT {
            break;
        }
    }
    names
}
