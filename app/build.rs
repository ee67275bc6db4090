//! Checks the translations of `locales/` against each other and turns them into code.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    translations()
}

#[cfg(not(feature = "ssr"))]
fn translations() -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}

#[cfg(feature = "ssr")]
fn translations() -> Result<(), Box<dyn std::error::Error>> {
    use leptos_i18n_parser::parse_locales::options::{Config, ParseOptions};

    const NAMESPACES: [&str; 22] = [
        "common",
        "tariff",
        "sign_in",
        "me",
        "plan",
        "bill",
        "family",
        "pay",
        "demo",
        "agreement",
        "notice",
        "staff",
        "mass_offer",
        "incident",
        "statement",
        "version",
        "clarity",
        "board",
        "dispute",
        "paper",
        "draft",
        "channel",
    ];
    let config = Config::new("zh-CN")
        .and_then(|config| config.add_locale("en"))
        .and_then(|config| config.add_namespaces(NAMESPACES))
        .map_err(|error| error.to_string())?
        .locales_path("./locales")
        .parse_options(ParseOptions::new().interpolate_display(true));
    println!("cargo::rerun-if-changed=locales");
    let parsed = leptos_i18n_parser::parse_locales::parse_locales(None, config).map_err(|error| error.to_string())?;
    for problem in parsed.diag.warnings().iter() {
        // A text that is in one language only is no warning to us.
        println!("cargo::error={problem}");
    }
    for problem in parsed.diag.errors().iter() {
        println!("cargo::error={problem}");
    }
    let code = leptos_i18n_codegen::gen_code(&parsed, None, false, None, false).map_err(|error| error.to_string())?;
    let target = std::path::Path::new(&std::env::var("OUT_DIR")?).join("i18n.rs");
    std::fs::write(target, code.to_string())?;
    Ok(())
}
