# What snowid needs in Consul, and nothing else: its keys, and sessions on the nodes of its agents.
#
#     consul acl policy create -name snowid -rules @deploy/consul/policy.hcl
#     consul acl token create -policy-name snowid -description snowidd
#
# The SecretID of the token goes into a file (token_file=) or into SNOWID_STORE_TOKEN. For a lease
# shorter than 10 s, the servers need a smaller session_ttl_min.
key_prefix "id-generator/" {
  policy = "write"
}
session_prefix "" {
  policy = "write"
}
