module "inner" {
  source   = "./inner"
  for_each = toset(["a.b", "c"])
  name     = each.key
}
