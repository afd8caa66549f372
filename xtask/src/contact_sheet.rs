//! All pictures of a run on one page.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Writes `index.html` beside the pictures: a row for each page, with its widths and schemes side by side.
pub fn write(pictures: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", pictures.display());
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in std::fs::read_dir(pictures).map_err(told)? {
        let name = file.map_err(told)?.file_name().to_string_lossy().into_owned();
        // `sign-in-360-light.png`
        let Some(stem) = name.strip_suffix(".png") else {
            continue;
        };
        let mut parts = stem.rsplitn(3, '-');
        if let (Some(_scheme), Some(_width), Some(page)) = (parts.next(), parts.next(), parts.next()) {
            rows.entry(page.to_owned()).or_default().push(name.clone());
        }
    }
    let mut text = String::from(
        "<!doctype html><meta charset=\"utf-8\"><title>Pages</title>\
         <style>body{font:14px sans-serif}div{display:flex;gap:8px;align-items:start;overflow-x:auto}\
         img{max-height:520px;border:1px solid #888}</style>\n",
    );
    for (page, mut names) in rows {
        names.sort();
        let _never_fails = writeln!(text, "<h2>{page}</h2><div>");
        for name in names {
            let _never_fails = writeln!(
                text,
                "<a href=\"{name}\"><img src=\"{name}\" alt=\"{name}\" loading=\"lazy\"></a>"
            );
        }
        text.push_str("</div>\n");
    }
    let sheet = pictures.join("index.html");
    std::fs::write(&sheet, text).map_err(told)?;
    println!("the pages: {}", sheet.display());
    Ok(())
}
