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
        hash: "a697aee794e22212",
        plain: include_bytes!("index.html"),
        gzip: include_bytes!("index.html.gz"),
        brotli: include_bytes!("index.html.br"),
    },
    Asset {
        name: "main-6GXVNQB6.css",
        content_type: "text/css; charset=utf-8",
        hash: "6da3148cbb502859",
        plain: include_bytes!("main-6GXVNQB6.css"),
        gzip: include_bytes!("main-6GXVNQB6.css.gz"),
        brotli: include_bytes!("main-6GXVNQB6.css.br"),
    },
    Asset {
        name: "main-N2FTKGKP.js",
        content_type: "text/javascript; charset=utf-8",
        hash: "1122a3085678bce9",
        plain: include_bytes!("main-N2FTKGKP.js"),
        gzip: include_bytes!("main-N2FTKGKP.js.gz"),
        brotli: include_bytes!("main-N2FTKGKP.js.br"),
    },
];
