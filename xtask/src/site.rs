//! `site/`: what browsers load. The names of wasm, loader and style sheet hold a digest of their content, so that browsers
//! may keep them for good, and every file stands there compressed as well.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use flate2::Compression;
use flate2::write::GzEncoder;
use wasm_bindgen_cli_support::Bindgen;

use crate::workspace::Workspace;

/// Files of fewer bytes gain nothing.
const COMPRESSED_BYTES_MIN: u64 = 512;

/// Builds the site from the wasm module, the style sheets and the assets, unless all are as they were.
pub fn build(workspace: &Workspace, module: &Path, site: &Path) -> anyhow::Result<()> {
    let style = style(&workspace.root.join(&workspace.leptos.style_file))?;
    let stamp = stamp(workspace, module, &style)?;
    let stamp_file = site.join("stamp.txt");
    if fs::read_to_string(&stamp_file).is_ok_and(|built| built == stamp) {
        return Ok(());
    }
    let fresh = site.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    copy(&workspace.root.join(&workspace.leptos.assets_dir), &fresh)?;
    package(workspace, module, &style, &fresh)?;
    compress_all(&fresh)?;
    fs::write(fresh.join("stamp.txt"), stamp)?;
    if site.exists() {
        fs::remove_dir_all(site)?;
    }
    fs::rename(&fresh, site).context("cannot put the site into place")
}

/// The loader, the wasm and the style sheet under names with digests, which `hash.txt` tells the server.
fn package(workspace: &Workspace, module: &Path, style: &str, site: &Path) -> anyhow::Result<()> {
    let name = &workspace.leptos.output_name;
    let folder = site.join(&workspace.leptos.site_pkg_dir);
    fs::create_dir_all(&folder)?;
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.input_path(module).out_name(name).typescript(false).omit_default_module_path(true);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.generate(&folder).context("wasm-bindgen failed")?;
    fs::write(folder.join(format!("{name}.css")), style)?;
    let mut hashes = File::create(site.join("hash.txt"))?;
    for (key, suffix) in [("js", ".js"), ("wasm", "_bg.wasm"), ("css", ".css")] {
        let plain = folder.join(format!("{name}{suffix}"));
        let content = fs::read(&plain).with_context(|| format!("there is no {}", plain.display()))?;
        let digest = digest(&[&content]);
        fs::rename(plain, folder.join(format!("{name}.{digest}.{key}")))?;
        writeln!(hashes, "{key}: {digest}")?;
    }
    Ok(())
}

/// The size in bytes, as transferred with brotli, of the wasm in a built site.
pub fn wasm_transfer_bytes(workspace: &Workspace) -> anyhow::Result<u64> {
    let folder = workspace.dist().join("site").join(&workspace.leptos.site_pkg_dir);
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".wasm.br") {
            return Ok(fs::metadata(path)?.len());
        }
    }
    bail!("there is no compressed wasm in {}", folder.display())
}

/// The style sheet with its `@import "file";` lines replaced by the files, in their order.
fn style(main: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(main).with_context(|| format!("cannot read {}", main.display()))?;
    let mut whole = String::new();
    for line in text.lines() {
        match line.trim().strip_prefix("@import \"").and_then(|rest| rest.strip_suffix("\";")) {
            Some(file) => {
                let path = main.with_file_name(file);
                whole += &fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            }
            None => whole += line,
        }
        whole.push('\n');
    }
    Ok(whole)
}

/// Everything that the site is made from, as one digest.
fn stamp(workspace: &Workspace, module: &Path, style: &str) -> anyhow::Result<String> {
    let module = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let mut assets = Vec::new();
    for path in files(&workspace.root.join(&workspace.leptos.assets_dir))? {
        assets.extend_from_slice(path.as_os_str().as_encoded_bytes());
        assets.extend(fs::read(&path)?);
    }
    Ok(digest(&[&module, style.as_bytes(), &assets, include_bytes!("site.rs")]))
}

/// 64 bits tell one build from the next; nothing is proved by them.
fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    format!("{:016x}", hasher.finish())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for path in files(from)? {
        let target = to.join(path.strip_prefix(from)?);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
    }
    Ok(())
}

/// All files below a folder, in a fixed order.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn compress_all(site: &Path) -> anyhow::Result<()> {
    for path in files(site)? {
        let content = fs::read(&path)?;
        if (content.len() as u64) < COMPRESSED_BYTES_MIN {
            continue;
        }
        let beside = |end: &str| {
            let mut name = path.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
        brotli::BrotliCompress(&mut content.as_slice(), &mut File::create(beside(".br"))?, &parameters)?;
        let mut gzip = GzEncoder::new(File::create(beside(".gz"))?, Compression::best());
        gzip.write_all(&content)?;
        gzip.finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_replaced_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.css"), "a{}").unwrap();
        fs::write(folder.path().join("b.css"), "b{}").unwrap();
        let main = folder.path().join("main.css");
        fs::write(&main, "/* order */\n@import \"b.css\";\n@import \"a.css\";\nc{}\n").unwrap();
        assert_eq!(style(&main).unwrap(), "/* order */\nb{}\na{}\nc{}\n");
        fs::write(&main, "@import \"missing.css\";").unwrap();
        assert!(style(&main).unwrap_err().to_string().contains("missing.css"));
    }
}
