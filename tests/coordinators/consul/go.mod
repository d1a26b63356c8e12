// SPDX-License-Identifier: MIT
module consul

go 1.18

require github.com/hashicorp/consul v1.14.0
