//! Lists the pages of the book, so that the program carries them: each is a pair of its path and its text. And links the program so that it starts quickly.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    // At a fixed address, 330,000 pointers (tables of methods, texts) need not be written when the program starts: a third of the time of `SELECT 1`.
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    let base = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../docs/book/src");
    println!("cargo::rerun-if-changed={}", base.display());
    let mut pages = Vec::new();
    find(&base, &mut pages)?;
    pages.sort();
    let mut code = String::from("&[\n");
    for page in &pages {
        println!("cargo::rerun-if-changed={}", page.display());
        let name = page.strip_prefix(&base).unwrap_or(page).display();
        // Writing to a string does not fail.
        let _ = writeln!(code, "    (\"{name}\", include_str!(\"{}\")),", page.canonicalize()?.display());
    }
    code.push_str("]\n");
    std::fs::write(PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("book.rs"), code)
}

fn find(folder: &Path, pages: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") && path.file_name().is_some_and(|name| name != "SUMMARY.md") {
            pages.push(path);
        }
    }
    Ok(())
}
