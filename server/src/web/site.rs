//! Files for browsers: the wasm, its loader, the style sheet, the icon. They stand in `site/` beside the program.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use leptos::config::{Env, LeptosOptions};
use tower_http::services::ServeDir;

const OUTPUT_NAME: &str = "mingbai";
const PACKAGE_FOLDER: &str = "pkg";

/// Written by the build: the digest in the names of wasm, loader and style sheet.
const HASH_FILE: &str = "hash.txt";

/// Where the files are, and whether their names change with their content.
#[derive(Clone, Debug)]
pub struct Site {
    folder: PathBuf,
    hashed: bool,
}

impl Site {
    /// `MINGBAI_SITE_DIR`, else `site/` beside the program.
    pub fn find() -> Self {
        let set = env::var_os("MINGBAI_SITE_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let beside = || Some(env::current_exe().ok()?.with_file_name("site"));
        let site = Self::at(set.or_else(beside).unwrap_or_default());
        if !site.folder.is_dir() {
            tracing::warn!(folder = %site.folder.display(), "pages will be plain: there are no files for browsers");
        }
        site
    }

    /// The site of a folder.
    pub fn at(folder: PathBuf) -> Self {
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let hashed = folder.join(HASH_FILE).is_file();
        Self { folder, hashed }
    }
}

/// What Leptos wants to know, of which only the names of files matter here.
pub fn options(site: &Site, address: SocketAddr) -> LeptosOptions {
    LeptosOptions::builder()
        .output_name(OUTPUT_NAME)
        .site_root(site.folder.to_string_lossy().into_owned())
        .site_pkg_dir(PACKAGE_FOLDER)
        .env(Env::PROD)
        .site_addr(address)
        .hash_file(site.folder.join(HASH_FILE).to_string_lossy().into())
        .hash_files(site.hashed)
        .build()
}

/// Serves the files, compressed beforehand; `missing` answers for what is no file.
pub fn files(site: &Site, missing: Router) -> Router {
    let hashed = site.hashed;
    let folder = ServeDir::new(&site.folder)
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip()
        .call_fallback_on_method_not_allowed(true)
        .fallback(missing);
    Router::new().fallback_service(folder).layer(from_fn(move |request, next| keep(hashed, request, next)))
}

/// A file whose name holds its digest never changes; the others are asked for again.
async fn keep(hashed: bool, request: Request, next: Next) -> Response {
    let package = hashed && request.uri().path().starts_with("/pkg/");
    let mut response = next.run(request).await;
    if matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED) {
        let age = if package { "public, max-age=31536000, immutable" } else { "no-cache" };
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static(age));
    }
    response
}
