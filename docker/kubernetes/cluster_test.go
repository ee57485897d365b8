package kubernetes

import (
	"maps"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// workload is a StatefulSet or a Deployment, as far as others refer to it.
type workload struct {
	name     string
	selector *metav1.LabelSelector
	pod      corev1.PodTemplateSpec
	claims   []corev1.PersistentVolumeClaim
	service  string // "" for a Deployment
}

// cluster is what the manifests make, by what they refer to each other with.
type cluster struct {
	workloads []workload
	services  []corev1.Service
	budgets   []policyv1.PodDisruptionBudget
	values    map[string]map[string]string // of each ConfigMap and Secret, by its key: "ConfigMap/recount"
	accounts  []string
}

func into[T any](t *testing.T, o *unstructured.Unstructured) (typed T) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &typed, true); err != nil {
		t.Fatal(o.GetKind(), o.GetName(), err)
	}
	return typed
}

func read(t *testing.T, all []*unstructured.Unstructured) cluster {
	t.Helper()
	c := cluster{values: map[string]map[string]string{}}
	for _, o := range all {
		switch o.GetKind() {
		case "StatefulSet":
			s := into[appsv1.StatefulSet](t, o)
			c.workloads = append(c.workloads, workload{s.Name, s.Spec.Selector, s.Spec.Template, s.Spec.VolumeClaimTemplates, s.Spec.ServiceName})
		case "Deployment":
			d := into[appsv1.Deployment](t, o)
			c.workloads = append(c.workloads, workload{name: d.Name, selector: d.Spec.Selector, pod: d.Spec.Template})
		case "Service":
			c.services = append(c.services, into[corev1.Service](t, o))
		case "PodDisruptionBudget":
			c.budgets = append(c.budgets, into[policyv1.PodDisruptionBudget](t, o))
		case "ConfigMap":
			c.values["ConfigMap/"+o.GetName()] = into[corev1.ConfigMap](t, o).Data
		case "Secret":
			c.values["Secret/"+o.GetName()] = into[corev1.Secret](t, o).StringData
		case "ServiceAccount":
			c.accounts = append(c.accounts, o.GetName())
		}
	}
	return c
}

// workload returns the one that is called name.
func (c cluster) workload(t *testing.T, name string) *workload {
	t.Helper()
	for i := range c.workloads {
		if c.workloads[i].name == name {
			return &c.workloads[i]
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

// environment is what a container's variables are, once Kubernetes has looked them up. Secrets are no part of a manifest:
// what is told instead of one is a URL, which all of those are that variables hold.
func (c cluster) environment(of corev1.Container) map[string]string {
	all := map[string]string{}
	for _, from := range of.EnvFrom {
		maps.Copy(all, c.values["ConfigMap/"+from.ConfigMapRef.Name])
	}
	for _, v := range of.Env {
		switch from := v.ValueFrom; {
		case from == nil:
			all[v.Name] = v.Value
		case from.SecretKeyRef != nil:
			all[v.Name] = "tcps://user:password@clickhouse:9440"
		case from.ResourceFieldRef != nil:
			all[v.Name] = "1073741824"
		default:
			all[v.Name] = "pod-0"
		}
	}
	return all
}
