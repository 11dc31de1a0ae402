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
        hash: "deca8b9e487af8fa",
        plain: include_bytes!("index.html"),
        gzip: include_bytes!("index.html.gz"),
        brotli: include_bytes!("index.html.br"),
    },
    Asset {
        name: "main-4HCOAI5A.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "c7637de79666aa92",
        plain: include_bytes!("main-4HCOAI5A.js"),
        gzip: include_bytes!("main-4HCOAI5A.js.gz"),
        brotli: include_bytes!("main-4HCOAI5A.js.br"),
    },
    Asset {
        name: "main-J3QE6Y4X.css",
        content_type: "text/css; charset=utf-8",
        hash: "de7e34dd5c8ada88",
        plain: include_bytes!("main-J3QE6Y4X.css"),
        gzip: include_bytes!("main-J3QE6Y4X.css.gz"),
        brotli: include_bytes!("main-J3QE6Y4X.css.br"),
    },
];
