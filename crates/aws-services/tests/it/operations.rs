//! What is served, and the table that says so.

use crate::server::Server;
use std::path::Path;

#[test]
fn the_table_of_operations_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/aws-operations.md");
    testkit::assert_golden(file, &aws_services::operations_table());
}

#[test]
fn everything_that_is_served_is_answered() {
    let server = Server::new();
    for served in aws_services::served() {
        for operation in served.operations {
            let form = format!("Action={operation}&Version={}", served.service.api_version);
            let reply = server.form(served.service.signing_name, &form);
            assert!(
                !reply.text().contains("UnsupportedOperation"),
                "{operation}: {}",
                reply.text()
            );
        }
    }
}
