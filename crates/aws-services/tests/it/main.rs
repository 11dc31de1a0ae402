//! The operations through requests as they come, over a platform on a simulated disk.

mod alarms;
mod entities;
mod errors;
mod expressions;
mod flow;
mod operations;
mod paging;
mod pictures;
mod properties;
mod server;
