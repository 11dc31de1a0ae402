// Made by `make console`; do not edit.

pub(crate) const ROUTES: &[&str] = &[
    "",
    "metrics",
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
        hash: "3688f4a6d9cb8347",
        plain: include_bytes!("index.html"),
        gzip: include_bytes!("index.html.gz"),
        brotli: include_bytes!("index.html.br"),
    },
    Asset {
        name: "main-6QUBIWV2.css",
        content_type: "text/css; charset=utf-8",
        hash: "e6755469e43da72d",
        plain: include_bytes!("main-6QUBIWV2.css"),
        gzip: include_bytes!("main-6QUBIWV2.css.gz"),
        brotli: include_bytes!("main-6QUBIWV2.css.br"),
    },
    Asset {
        name: "main-ZQEJ5NLS.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "54203e5ef4aab632",
        plain: include_bytes!("main-ZQEJ5NLS.js"),
        gzip: include_bytes!("main-ZQEJ5NLS.js.gz"),
        brotli: include_bytes!("main-ZQEJ5NLS.js.br"),
    },
];
