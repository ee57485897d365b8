package kubernetes

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

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
			for _, fault := range slices.Concat(c.missing(container), c.missingFiles(w, container), c.unasked(container), c.nobodyAt(container)) {
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

func matches(selector *metav1.LabelSelector, of map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && !s.Empty() && s.Matches(labels.Set(of))
}

// missing are ConfigMaps and keys of Secrets that a container's variables come from, and what it does not say of itself.
func (c cluster) missing(container corev1.Container) (out []string) {
	for _, from := range container.EnvFrom {
		if c.values["ConfigMap/"+from.ConfigMapRef.Name] == nil {
			out = append(out, "there is no ConfigMap "+from.ConfigMapRef.Name)
		}
	}
	for _, variable := range container.Env {
		if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
			if _, ok := c.values["Secret/"+from.SecretKeyRef.Name][from.SecretKeyRef.Key]; !ok {
				out = append(out, fmt.Sprintf("there is no Secret %s with %q", from.SecretKeyRef.Name, from.SecretKeyRef.Key))
			}
		}
	}
	if container.Resources.Requests.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() || container.Resources.Limits.Memory().IsZero() {
		out = append(out, "it does not say what it needs")
	}
	return out
}

// missingFiles are files that a container is told of, and that none of its volumes holds; and volumes that there are not.
func (c cluster) missingFiles(w workload, container corev1.Container) (out []string) {
	folders := map[string][]string{} // what is in each volume
	for _, v := range w.pod.Spec.Volumes {
		var from string
		var items []corev1.KeyToPath
		if v.Secret != nil {
			from, items = "Secret/"+v.Secret.SecretName, v.Secret.Items
		} else {
			from, items = "ConfigMap/"+v.ConfigMap.Name, v.ConfigMap.Items
		}
		folders[v.Name] = slices.Collect(maps.Keys(c.values[from]))
		if items != nil {
			folders[v.Name] = nil
		}
		for _, item := range items {
			if _, ok := c.values[from][item.Key]; !ok {
				out = append(out, fmt.Sprintf("there is no %s with %q", from, item.Key))
			}
			folders[v.Name] = append(folders[v.Name], item.Path)
		}
	}
	for _, claim := range w.claims {
		folders[claim.Name] = nil
	}
	var there []string
	for _, mount := range container.VolumeMounts {
		files, ok := folders[mount.Name]
		if !ok || mount.MountPath == "" {
			out = append(out, fmt.Sprintf("there is no volume %q, or no place for it", mount.Name))
		}
		for _, file := range files {
			there = append(there, path.Join(mount.MountPath, file))
		}
	}
	for _, word := range append(slices.Clone(container.Args), slices.Collect(maps.Values(c.environment(container)))...) {
		if at := strings.Index(word, mounts); at >= 0 && !slices.Contains(there, word[at:]) {
			out = append(out, "nothing puts a file at "+word[at:])
		}
	}
	return out
}

// unasked are probes that ask nobody: at a port that is not the container's, or in plain where it speaks TLS.
func (c cluster) unasked(container corev1.Container) (out []string) {
	for name, probe := range map[string]*corev1.Probe{"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe} {
		if probe == nil || !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == probe.HTTPGet.Port.StrVal }) {
			out = append(out, fmt.Sprintf("its %s probe asks at no port of its own", name))
			continue
		}
		encrypted := c.environment(container)["RECOUNT_"+strings.ToUpper(probe.HTTPGet.Port.StrVal)+"_CERT"] != ""
		if asks := probe.HTTPGet.Scheme == corev1.URISchemeHTTPS; asks != encrypted {
			out = append(out, fmt.Sprintf("its %s probe asks over TLS: %t, and is answered so: %t", name, asks, encrypted))
		}
	}
	return out
}

// nobodyAt are addresses of roles that the console is told of, and that none is reached at, or not in that way.
func (c cluster) nobodyAt(container corev1.Container) (out []string) {
	told := c.environment(container)["RECOUNT_ROLE"]
	if told == "" {
		return nil
	}
	for _, named := range strings.Split(told, ",") {
		address, encrypted := strings.CutPrefix(named, "https://")
		host, port, _ := strings.Cut(address, ":")
		if !c.headless(host, port) {
			out = append(out, "no headless service is at "+address)
		}
		if answers := c.values["ConfigMap/recount-roles"]["RECOUNT_TELEMETRY_CERT"] != ""; encrypted != answers {
			out = append(out, fmt.Sprintf("%s is asked over TLS: %t, and answers so: %t", address, encrypted, answers))
		}
	}
	return out
}

// headless says whether a service's name stands for all its pods, those that are not ready too, at their port.
func (c cluster) headless(name, port string) bool {
	return slices.ContainsFunc(c.services, func(s corev1.Service) bool {
		return s.Name == name && s.Spec.ClusterIP == "None" && s.Spec.PublishNotReadyAddresses && port == strconv.Itoa(int(s.Spec.Ports[0].Port)) &&
			slices.ContainsFunc(c.workloads, func(w workload) bool {
				return labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(w.pod.Labels)) && slices.ContainsFunc(w.pod.Spec.Containers[0].Ports,
					func(p corev1.ContainerPort) bool {
						return p.Name == "telemetry" && p.ContainerPort == s.Spec.Ports[0].Port
					})
			})
	})
}

func TestManifestsFindWhatTheyReferTo(t *testing.T) {
	t.Parallel()
	for name, components := range choices() {
		for _, fault := range read(t, objects(t, render(t, components...))).faults() {
			t.Errorf("with %s: %s", name, fault)
		}
	}
}

// TestLostReferencesAreFound is the control: each of these breaks one.
func TestLostReferencesAreFound(t *testing.T) {
	t.Parallel()
	all := objects(t, render(t, choices()["everything"]...))
	if faults := read(t, all).faults(); len(faults) > 0 {
		t.Fatal(faults)
	}
	pod := func(c *cluster, name string) *corev1.Container { return &c.workload(t, name).pod.Spec.Containers[0] }
	for name, breaks := range map[string]func(*cluster){
		"a selector that misses its pods":     func(c *cluster) { c.workloads[0].pod.Labels = nil },
		"no budget":                           func(c *cluster) { c.budgets = c.budgets[1:] },
		"no headless service":                 func(c *cluster) { c.services = c.services[:0] },
		"no account":                          func(c *cluster) { c.accounts = nil },
		"no secret":                           func(c *cluster) { delete(c.values, "Secret/recount") },
		"a key that is not there":             func(c *cluster) { delete(c.values["Secret/recount"], "reader_tokens") },
		"a variable's key that is not there":  func(c *cluster) { delete(c.values["Secret/recount"], "clickhouse_reads") },
		"no config":                           func(c *cluster) { delete(c.values, "ConfigMap/recount-roles") },
		"no volume":                           func(c *cluster) { c.workloads[0].pod.Spec.Volumes = nil },
		"no place for a volume":               func(c *cluster) { pod(c, "saga").VolumeMounts[0].MountPath = "" },
		"a certificate without its key":       func(c *cluster) { delete(c.values["Secret/recount-https"], "tls.key") },
		"no authorities":                      func(c *cluster) { delete(c.values, "ConfigMap/recount-kafka-ca") },
		"no requests":                         func(c *cluster) { pod(c, "saga").Resources = corev1.ResourceRequirements{} },
		"a probe of a port that is not there": func(c *cluster) { pod(c, "saga").Ports = nil },
		"a probe in plain of what speaks TLS": func(c *cluster) { pod(c, "console").LivenessProbe.HTTPGet.Scheme = corev1.URISchemeHTTP },
		"a probe over TLS of what does not":   func(c *cluster) { delete(c.values["ConfigMap/recount-roles"], "RECOUNT_TELEMETRY_CERT") },
		"a role that moved":                   func(c *cluster) { pod(c, "aggregator").Ports[0].ContainerPort++ },
		"a file where no volume is": func(c *cluster) {
			c.values["ConfigMap/recount"]["RECOUNT_KAFKA_CA"] = mounts + "/elsewhere/ca.crt"
		},
	} {
		c := read(t, all)
		breaks(&c)
		if len(c.faults()) == 0 {
			t.Errorf("%s was not noticed", name)
		}
	}
}
