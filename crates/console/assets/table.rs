// Made by `make console`; do not edit.

pub(crate) const ROUTES: &[&str] = &[
    "",
    "metrics",
    "alarms",
    "alarm",
    "new-alarm",
    "mutes",
];

pub(crate) const ASSETS: &[Asset] = &[
    Asset {
        name: "boot-PSHZSYBS.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "ec39d9a636dd91a1",
        plain: include_bytes!("boot-PSHZSYBS.js"),
        gzip: include_bytes!("boot-PSHZSYBS.js.gz"),
        brotli: include_bytes!("boot-PSHZSYBS.js.br"),
    },
    Asset {
        name: "icon-30B82427.svg",
        content_type: "image/svg+xml",
        hash: "30b824270d3df459",
        plain: include_bytes!("icon-30B82427.svg"),
        gzip: include_bytes!("icon-30B82427.svg.gz"),
        brotli: include_bytes!("icon-30B82427.svg.br"),
    },
    Asset {
        name: "index.html",
        content_type: "text/html; charset=utf-8",
        hash: "3075f81062598d5c",
        plain: include_bytes!("index.html"),
        gzip: include_bytes!("index.html.gz"),
        brotli: include_bytes!("index.html.br"),
    },
    Asset {
        name: "main-JNQZQIUS.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "896abc674bc6e1cd",
        plain: include_bytes!("main-JNQZQIUS.js"),
        gzip: include_bytes!("main-JNQZQIUS.js.gz"),
        brotli: include_bytes!("main-JNQZQIUS.js.br"),
    },
    Asset {
        name: "main-XZ7TJNHD.css",
        content_type: "text/css; charset=utf-8",
        hash: "93389feac7401c64",
        plain: include_bytes!("main-XZ7TJNHD.css"),
        gzip: include_bytes!("main-XZ7TJNHD.css.gz"),
        brotli: include_bytes!("main-XZ7TJNHD.css.br"),
    },
];
