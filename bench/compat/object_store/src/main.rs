//! The integration tests that the crate `object_store` carries, run against one bucket of a server.
//!
//! Started by the end-to-end tests as `object-store-suite ENDPOINT BUCKET FOLDER`, with credentials and
//! region in the environment. The facts are asserted inside the crate: a panic is a failure.

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3CopyIfNotExists};
use object_store::path::Path;
use object_store::{ObjectStore, integration};

/// What differs between the stores that the suite is run with.
type Setting = fn(AmazonS3Builder) -> AmazonS3Builder;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, endpoint, bucket, ..] = words.as_slice() else {
        panic!("usage: object-store-suite ENDPOINT BUCKET FOLDER");
    };
    let store = |setting: Setting| {
        let builder = AmazonS3Builder::from_env()
            .with_endpoint(endpoint)
            .with_bucket_name(bucket)
            .with_allow_http(true)
            // Why: the crate refuses such copies unless told how this server does them.
            .with_copy_if_not_exists(S3CopyIfNotExists::Multipart);
        setting(builder).build().expect("the settings are complete")
    };
    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().expect("nobody else has chosen one");
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        whole_suite(&store(|builder| builder)).await;
        for setting in [
            (|builder| builder.with_unsigned_payload(true)) as Setting,
            |builder| builder.with_checksum_algorithm(Checksum::SHA256),
            |builder| builder.with_checksum_algorithm(Checksum::CRC64NVME),
        ] {
            clear(&store(setting)).await;
            step("put_get_delete_list");
            integration::put_get_delete_list(&store(setting)).await;
        }
    });
}

/// In the order in which the crate's own tests call them for S3; each begins in an empty bucket.
async fn whole_suite(store: &AmazonS3) {
    macro_rules! run {
        ($($name:ident($($further:expr),*);)*) => {$(
            clear(store).await;
            step(stringify!($name));
            integration::$name(store $(, $further)*).await;
        )*};
    }
    run! {
        put_get_delete_list();
        list_with_offset_exclusivity();
        get_opts();
        list_uses_directories_correctly();
        list_with_delimiter();
        rename_and_copy();
        stream_get();
        multipart(store);
        multipart_with_opts(store);
        multipart_put_part_out_of_order(store);
        multipart_race_condition(true);
        multipart_out_of_order();
        put_get_attributes();
        list_paginated(store);
        copy_if_not_exists();
        copy_rename_nonexistent_object();
        put_opts(true);
    }
    clear(store).await;
    step("get_nonexistent_object");
    let missing = integration::get_nonexistent_object(store, Some(Path::from("absent"))).await;
    missing.expect_err("it is not there");
}

fn step(name: &str) {
    println!("object_store: {name}");
}

/// Removes every object: some of the tests list the whole bucket, and not all of them tidy up.
async fn clear(store: &AmazonS3) {
    let all = store.list(None).map_ok(|object| object.location).boxed();
    let gone: Vec<Path> = store.delete_stream(all).try_collect().await.expect("all can be deleted");
    println!("object_store: {} objects removed", gone.len());
}
