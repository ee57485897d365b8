// Package kubernetes tries the manifests beside it, without a cluster: kustomize renders every choice of components, and what
// comes out is decoded and validated as an API server would, by the schemas of the API; what refers to something else must
// find it, and the programs must take what pods are told.
//
// It is a module of its own, so that the pipeline takes none of Kubernetes' dependencies along, and holds no production code.
package kubernetes
