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
        hash: "a2035e25a1d36f0d",
        plain: include_bytes!("index.html"),
        gzip: include_bytes!("index.html.gz"),
        brotli: include_bytes!("index.html.br"),
    },
    Asset {
        name: "main-NGMFI5DV.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "4973dfb1b23bc9b1",
        plain: include_bytes!("main-NGMFI5DV.js"),
        gzip: include_bytes!("main-NGMFI5DV.js.gz"),
        brotli: include_bytes!("main-NGMFI5DV.js.br"),
    },
    Asset {
        name: "main-OHIGKOZ4.css",
        content_type: "text/css; charset=utf-8",
        hash: "4e108b3b192fd555",
        plain: include_bytes!("main-OHIGKOZ4.css"),
        gzip: include_bytes!("main-OHIGKOZ4.css.gz"),
        brotli: include_bytes!("main-OHIGKOZ4.css.br"),
    },
];
