package kubernetes

import (
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
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

// faults are references that find nothing, and what a pod of ours must have and lacks.
func (c cluster) faults() (out []string) {
	say := func(w workload, format string, args ...any) {
		out = append(out, w.name+": "+fmt.Sprintf(format, args...))
	}
	for _, w := range c.workloads {
		if !matches(w.selector, w.pod.Labels) {
			say(w, "its selector does not find its own pods")
		}
		if !slices.ContainsFunc(c.budgets, func(b policyv1.PodDisruptionBudget) bool { return matches(b.Spec.Selector, w.pod.Labels) }) {
			say(w, "no disruption budget is for it")
		}
		if w.service != "" && !slices.ContainsFunc(c.services, func(s corev1.Service) bool { return s.Name == w.service && s.Spec.ClusterIP == "None" }) {
			say(w, "there is no headless service %q", w.service)
		}
		if !slices.Contains(c.accounts, w.pod.Spec.ServiceAccountName) {
			say(w, "there is no service account %q", w.pod.Spec.ServiceAccountName)
		}
		for _, container := range w.pod.Spec.Containers {
			for _, fault := range c.faultsOf(w, container) {
				say(w, "%s", fault)
			}
		}
	}
	for _, s := range c.services {
		found := slices.ContainsFunc(c.workloads, func(w workload) bool {
			return labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(w.pod.Labels)) && slices.ContainsFunc(w.pod.Spec.Containers[0].Ports,
				func(p corev1.ContainerPort) bool { return p.Name == s.Spec.Ports[0].TargetPort.StrVal })
		})
		if !found {
			out = append(out, s.Name+": no pod has what the service is for")
		}
	}
	return out
}

func (c cluster) faultsOf(w workload, container corev1.Container) (out []string) {
	hasKey := func(kind, name, key string) {
		values, ok := c.values[kind+"/"+name]
		if _, has := values[key]; !ok || key != "" && !has {
			out = append(out, fmt.Sprintf("there is no %s %s with %q", kind, name, key))
		}
	}
	for _, from := range container.EnvFrom {
		hasKey("ConfigMap", from.ConfigMapRef.Name, "")
	}
	for _, variable := range container.Env {
		if variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil {
			hasKey("Secret", variable.ValueFrom.SecretKeyRef.Name, variable.ValueFrom.SecretKeyRef.Key)
		}
	}
	var volumes []string
	for _, v := range w.pod.Spec.Volumes {
		volumes = append(volumes, v.Name)
		for _, item := range v.Secret.Items {
			hasKey("Secret", v.Secret.SecretName, item.Key)
		}
	}
	for _, claim := range w.claims {
		volumes = append(volumes, claim.Name)
	}
	for _, mount := range container.VolumeMounts {
		if !slices.Contains(volumes, mount.Name) || mount.MountPath == "" {
			out = append(out, fmt.Sprintf("there is no volume %q, or no place for it", mount.Name))
		}
	}
	for name, probe := range map[string]*corev1.Probe{"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe} {
		if probe == nil || !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == probe.HTTPGet.Port.StrVal }) {
			out = append(out, fmt.Sprintf("its %s probe asks at no port of its own", name))
		}
	}
	if container.Resources.Requests.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() || container.Resources.Limits.Memory().IsZero() {
		out = append(out, "it does not say what it needs")
	}
	return out
}

func matches(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && !s.Empty() && s.Matches(labels.Set(of))
}

func TestManifestsFindWhatTheyReferTo(t *testing.T) {
	t.Parallel()
	all := objects(t)
	for _, fault := range read(t, all).faults() {
		t.Error(fault)
	}
	// The controls: each breaks one reference.
	for name, breaks := range map[string]func(*cluster){
		"a selector that misses its pods": func(c *cluster) { c.workloads[0].pod.Labels = nil },
		"no budget":                       func(c *cluster) { c.budgets = c.budgets[1:] },
		"no headless service":             func(c *cluster) { c.services = c.services[:0] },
		"no account":                      func(c *cluster) { c.accounts = nil },
		"no secret":                       func(c *cluster) { delete(c.values, "Secret/recount") },
		"a key that is not there":         func(c *cluster) { delete(c.values["Secret/recount"], "reader_tokens") },
		"no config":                       func(c *cluster) { delete(c.values, "ConfigMap/recount-roles") },
		"no volume":                       func(c *cluster) { c.workloads[0].pod.Spec.Volumes = nil },
		"no place for a volume":           func(c *cluster) { c.workloads[0].pod.Spec.Containers[0].VolumeMounts[0].MountPath = "" },
		"a probe of a port that is not there": func(c *cluster) {
			c.workloads[0].pod.Spec.Containers[0].Ports = nil
		},
		"no requests": func(c *cluster) { c.workloads[0].pod.Spec.Containers[0].Resources = corev1.ResourceRequirements{} },
	} {
		c := read(t, all)
		breaks(&c)
		if len(c.faults()) == 0 {
			t.Errorf("the control: %s was not noticed", name)
		}
	}
}
