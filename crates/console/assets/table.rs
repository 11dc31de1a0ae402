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
        hash: "d9b163d4d0f353ce",
        plain: include_bytes!("index.html"),
        gzip: include_bytes!("index.html.gz"),
        brotli: include_bytes!("index.html.br"),
    },
    Asset {
        name: "main-IUWEAZFH.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "7a12530c280e36f5",
        plain: include_bytes!("main-IUWEAZFH.js"),
        gzip: include_bytes!("main-IUWEAZFH.js.gz"),
        brotli: include_bytes!("main-IUWEAZFH.js.br"),
    },
    Asset {
        name: "main-WQNVZOQY.css",
        content_type: "text/css; charset=utf-8",
        hash: "bda017b5d23c60bd",
        plain: include_bytes!("main-WQNVZOQY.css"),
        gzip: include_bytes!("main-WQNVZOQY.css.gz"),
        brotli: include_bytes!("main-WQNVZOQY.css.br"),
    },
];
