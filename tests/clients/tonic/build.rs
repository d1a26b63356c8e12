// SPDX-License-Identifier: MIT
fn main() {
    tonic_prost_build::compile_protos("snowid.proto").unwrap();
}
