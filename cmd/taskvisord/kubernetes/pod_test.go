package manifests

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	psaapi "k8s.io/pod-security-admission/api"
	psa "k8s.io/pod-security-admission/policy"
)

// sidecarName is that of the container with the daemon.
const sidecarName = "taskvisord"

// pod is what a rendered folder makes, in the eyes of a pod.
type pod struct {
	dir      string
	template *corev1.PodTemplateSpec
	configs  map[string]*corev1.ConfigMap
	services []*corev1.Service
	policies []*networkingv1.NetworkPolicy
}

// newPod renders a folder.
func newPod(t *testing.T, dir string) *pod {
	t.Helper()
	p := &pod{dir: dir, configs: map[string]*corev1.ConfigMap{}}
	for _, text := range render(t, dir) {
		object, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		switch object := object.(type) {
		case *appsv1.Deployment:
			p.template = &object.Spec.Template
		case *batchv1.Job:
			p.template = &object.Spec.Template
		case *corev1.ConfigMap:
			p.configs[object.Name] = object
		case *corev1.Service:
			p.services = append(p.services, object)
		case *networkingv1.NetworkPolicy:
			p.policies = append(p.policies, object)
		}
	}
	if p.template == nil || len(p.template.Spec.InitContainers) != 1 || p.sidecar().Name != sidecarName {
		t.Fatalf("%s has no pod with %s as its one init container", dir, sidecarName)
	}
	return p
}

// copy returns a pod of which everything may be changed.
func (p *pod) copy() *pod {
	c := &pod{dir: p.dir, template: p.template.DeepCopy(), configs: maps.Clone(p.configs)}
	for _, s := range p.services {
		c.services = append(c.services, s.DeepCopy())
	}
	for _, n := range p.policies {
		c.policies = append(c.policies, n.DeepCopy())
	}
	return c
}

func (p *pod) sidecar() *corev1.Container { return &p.template.Spec.InitContainers[0] }

func (p *pod) containers() []*corev1.Container {
	list := []*corev1.Container{p.sidecar()}
	for i := range p.template.Spec.Containers {
		list = append(list, &p.template.Spec.Containers[i])
	}
	return list
}

// flag returns the value of a flag of the daemon, "" if it is not given.
func (p *pod) flag(name string) string {
	for _, arg := range p.sidecar().Args {
		if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// port returns the number of the port of an address that the daemon listens on.
func (p *pod) port(flag string) string {
	address := p.flag(flag)
	return address[strings.LastIndex(address, ":")+1:]
}

// checks are what has to be right about each pod. Each returns what is wrong.
var checks = map[string]func(*pod) []string{
	"the daemon is a sidecar":               checkSidecar,
	"probes ask --health-listen":            checkProbes,
	"there is time for the drain":           checkGrace,
	"volumes and mounts fit":                checkVolumes,
	"application and daemon share a socket": checkSocket,
	"resources":                             checkResources,
	"security":                              checkSecurity,
	"ports are those of flags":              checkPorts,
	"ports of others lead somewhere":        checkTargets,
}

func checkSidecar(p *pod) (wrong []string) {
	if policy := p.sidecar().RestartPolicy; policy == nil || *policy != corev1.ContainerRestartPolicyAlways {
		wrong = append(wrong, "the init container ends before the others start")
	}
	given := map[string]bool{}
	for _, arg := range p.sidecar().Args {
		name, _, _ := strings.Cut(arg, "=")
		if given[name] {
			wrong = append(wrong, name+" is given twice")
		}
		given[name] = true
	}
	return wrong
}

// checkProbes: services of their own, with the exception of the health of tasks, and never for liveness, on the port of probes.
func checkProbes(p *pod) (wrong []string) {
	c := p.sidecar()
	for want, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		switch {
		case probe == nil && want == "readiness" && p.template.Spec.RestartPolicy == corev1.RestartPolicyNever: // of a job: nobody asks
		case probe == nil || probe.GRPC == nil || probe.GRPC.Service == nil:
			wrong = append(wrong, "no gRPC probe of its own for "+want)
		case fmt.Sprint(probe.GRPC.Port) != p.port("health-listen"):
			wrong = append(wrong, fmt.Sprintf("the probe for %s asks port %d, and --health-listen is %s", want, probe.GRPC.Port, p.flag("health-listen")))
		case *probe.GRPC.Service != want && (want == "liveness" || !strings.HasPrefix(*probe.GRPC.Service, "task/")):
			wrong = append(wrong, fmt.Sprintf("the probe for %s asks for %s", want, *probe.GRPC.Service))
		}
	}
	if probe := c.LivenessProbe; probe != nil && probe.TimeoutSeconds <= 5 { // the daemon itself takes 5 s to find that it is stuck
		wrong = append(wrong, "the liveness probe gives up before the daemon does")
	}
	return wrong
}

// What the comments about terminationGracePeriodSeconds say.
const (
	appDrain   = 30 * time.Second
	afterGrace = 12 * time.Second // log, streams, calls, pages
)

func checkGrace(p *pod) []string {
	grace, err := time.ParseDuration(p.flag("grace"))
	if err != nil {
		return []string{"--grace: " + err.Error()}
	}
	have, need := p.template.Spec.TerminationGracePeriodSeconds, appDrain+grace+afterGrace
	if have == nil || time.Duration(*have)*time.Second < need {
		return []string{fmt.Sprintf("terminationGracePeriodSeconds are less than %s", need)}
	}
	return nil
}

// checkVolumes: each mount has its volume, and each volume a mount; config maps are rendered, and secrets none of ours.
func checkVolumes(p *pod) (wrong []string) {
	unused := map[string]bool{}
	for _, v := range p.template.Spec.Volumes {
		unused[v.Name] = true
		if v.ConfigMap != nil && p.configs[v.ConfigMap.Name] == nil {
			wrong = append(wrong, "there is no config map "+v.ConfigMap.Name)
		}
	}
	for _, c := range p.containers() {
		for _, m := range c.VolumeMounts {
			if _, ok := unused[m.Name]; !ok {
				wrong = append(wrong, fmt.Sprintf("%s mounts %s, which is no volume", c.Name, m.Name))
			}
			if m.SubPath != "" {
				wrong = append(wrong, m.MountPath+" is a subPath, where changes never arrive")
			}
			unused[m.Name] = false
		}
	}
	for name, is := range unused {
		if is {
			wrong = append(wrong, "nobody mounts "+name)
		}
	}
	return append(wrong, checkPaths(p)...)
}

// checkPaths: what flags name is on a volume, as nothing else is there.
func checkPaths(p *pod) (wrong []string) {
	for _, arg := range p.sidecar().Args {
		_, value, _ := strings.Cut(arg, "=")
		if path.IsAbs(value) && p.volumeOf(p.sidecar(), value) == nil {
			wrong = append(wrong, arg+" is on no volume")
		}
	}
	return wrong
}

// volumeOf returns the volume that a container has a file on.
func (p *pod) volumeOf(c *corev1.Container, file string) *corev1.Volume {
	for _, m := range c.VolumeMounts {
		if file != m.MountPath && !strings.HasPrefix(file, m.MountPath+"/") {
			continue
		}
		if i := slices.IndexFunc(p.template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }); i >= 0 {
			return &p.template.Spec.Volumes[i]
		}
	}
	return nil
}

// checkSocket: the application is told of it, sees it where the daemon does, and is the same user.
func checkSocket(p *pod) (wrong []string) {
	socket := p.flag("socket")
	for _, c := range p.containers()[1:] {
		i := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "TASKVISOR_SERVER" })
		if i < 0 || c.Env[i].Value != socket {
			wrong = append(wrong, c.Name+" is not told of the socket")
		}
	}
	user := p.template.Spec.SecurityContext.RunAsUser
	for _, c := range p.containers() {
		v := p.volumeOf(c, socket)
		if v == nil || v.EmptyDir == nil {
			wrong = append(wrong, "the socket is on no emptyDir that "+c.Name+" has")
		}
		if user == nil || c.SecurityContext.RunAsUser != nil && *c.SecurityContext.RunAsUser != *user {
			wrong = append(wrong, c.Name+" is another user")
		}
	}
	if p.template.Spec.SecurityContext.FSGroup == nil {
		wrong = append(wrong, "the volumes belong to no group")
	}
	return wrong
}

func checkResources(p *pod) (wrong []string) {
	for _, c := range p.containers() {
		memory, limited := c.Resources.Limits[corev1.ResourceMemory]
		requested := c.Resources.Requests[corev1.ResourceMemory]
		if !limited || requested.IsZero() || requested.Cmp(memory) >= 0 {
			wrong = append(wrong, c.Name+" needs a limit of memory above the request")
		}
		if _, limited := c.Resources.Limits[corev1.ResourceCPU]; limited || c.Resources.Requests.Cpu().IsZero() {
			wrong = append(wrong, c.Name+" needs a request of processor time, and no limit")
		}
	}
	return append(wrong, checkMemoryLimit(p)...)
}

func checkMemoryLimit(p *pod) []string {
	for _, e := range p.sidecar().Env {
		if e.Name == "GOMEMLIMIT" && e.ValueFrom != nil && e.ValueFrom.ResourceFieldRef != nil {
			ref := e.ValueFrom.ResourceFieldRef
			if ref.Resource != "requests.memory" || ref.ContainerName != sidecarName || !ref.Divisor.IsZero() {
				return []string{fmt.Sprintf("GOMEMLIMIT is %v", ref)}
			}
			return nil
		}
	}
	return []string{"no GOMEMLIMIT"}
}

// checkSecurity: the profile "restricted" in the words of the API server, and what goes beyond it.
func checkSecurity(p *pod) (wrong []string) {
	evaluator, err := psa.NewEvaluator(psa.DefaultChecks(), nil)
	if err != nil {
		return []string{err.Error()}
	}
	verdict := psa.AggregateCheckResults(evaluator.EvaluatePod(
		psaapi.LevelVersion{Level: psaapi.LevelRestricted, Version: psaapi.LatestVersion()}, &p.template.ObjectMeta, &p.template.Spec))
	if !verdict.Allowed {
		wrong = append(wrong, verdict.ForbiddenDetail())
	}
	for _, c := range p.containers() {
		if c.SecurityContext == nil || c.SecurityContext.ReadOnlyRootFilesystem == nil || !*c.SecurityContext.ReadOnlyRootFilesystem {
			wrong = append(wrong, c.Name+" can write to its image")
		}
	}
	if mount := p.template.Spec.AutomountServiceAccountToken; mount == nil || *mount {
		wrong = append(wrong, "the pod has a token of the service account")
	}
	if links := p.template.Spec.EnableServiceLinks; links == nil || *links {
		wrong = append(wrong, "services set variables")
	}
	return wrong
}

// checkPorts: the ports that the container declares are those that the daemon listens on, no more and no less.
func checkPorts(p *pod) (wrong []string) {
	want := map[string]string{"health": p.port("health-listen"), "grpc": p.port("listen"), "metrics": p.port("http-listen")}
	if p.flag("listen") == "none" {
		delete(want, "grpc")
	}
	for _, port := range p.sidecar().Ports {
		if number := fmt.Sprint(port.ContainerPort); want[port.Name] != number {
			wrong = append(wrong, fmt.Sprintf("port %s is %s, and the daemon listens on %q", port.Name, number, want[port.Name]))
		}
		delete(want, port.Name)
	}
	for name, number := range want {
		if number != "" {
			wrong = append(wrong, fmt.Sprintf("port %s, %s, is not declared", name, number))
		}
	}
	return wrong
}

// checkTargets: services and policies select the pod, and name ports that it has.
func checkTargets(p *pod) (wrong []string) {
	has := map[int32]bool{}
	for _, c := range p.containers() {
		for _, port := range c.Ports {
			has[port.ContainerPort] = true
		}
	}
	let := map[int32]bool{}
	for _, policy := range p.policies {
		if !selects(policy.Spec.PodSelector.MatchLabels, p.template.Labels) {
			wrong = append(wrong, policy.Name+" does not select the pod")
		}
		for _, rule := range policy.Spec.Ingress {
			for _, port := range rule.Ports {
				let[port.Port.IntVal] = true
			}
		}
	}
	for port := range let {
		if !has[port] {
			wrong = append(wrong, fmt.Sprintf("a policy is about port %d, which nobody has", port))
		}
	}
	for _, s := range p.services {
		for _, port := range s.Spec.Ports {
			if target := port.TargetPort.IntVal; !has[target] || !selects(s.Spec.Selector, p.template.Labels) || len(p.policies) > 0 && !let[target] {
				wrong = append(wrong, fmt.Sprintf("the service %s leads to port %d, which the pod does not have, or lets nobody connect to", s.Name, target))
			}
		}
	}
	return wrong
}

func selects(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return len(selector) > 0
}

func TestPods(t *testing.T) {
	for _, dir := range kustomizations(t) {
		p := newPod(t, dir)
		for name, check := range checks {
			for _, wrong := range check(p) {
				t.Errorf("%s: %s: %s", dir, name, wrong)
			}
		}
	}
}

// Each check finds what it is for, when something is changed about a pod that is right.
func TestChecksCanFail(t *testing.T) {
	other := func(n int64) *int64 { return &n }
	right := newPod(t, "overlays/metrics")
	for _, change := range []struct {
		check string
		make  func(*pod)
	}{
		{"the daemon is a sidecar", func(p *pod) { p.sidecar().RestartPolicy = nil }},
		{"the daemon is a sidecar", func(p *pod) { p.sidecar().Args = append(p.sidecar().Args, "--grace=1s") }},
		{"probes ask --health-listen", func(p *pod) { p.sidecar().StartupProbe.GRPC.Port++ }},
		{"probes ask --health-listen", func(p *pod) { p.sidecar().ReadinessProbe = nil }},
		{"probes ask --health-listen", func(p *pod) { *p.sidecar().LivenessProbe.GRPC.Service = "task/refresh" }},
		{"probes ask --health-listen", func(p *pod) { p.sidecar().LivenessProbe.TimeoutSeconds = 1 }},
		{"probes ask --health-listen", func(p *pod) { p.sidecar().ReadinessProbe.GRPC.Service = nil }},
		{"there is time for the drain", func(p *pod) { *p.template.Spec.TerminationGracePeriodSeconds = 51 }},
		{"volumes and mounts fit", func(p *pod) { p.template.Spec.Volumes[0].Name = "sockets" }},
		{"volumes and mounts fit", func(p *pod) { clear(p.configs) }},
		{"volumes and mounts fit", func(p *pod) { p.sidecar().VolumeMounts[1].SubPath = "tasks.yaml" }},
		{"volumes and mounts fit", func(p *pod) { p.sidecar().VolumeMounts[1].MountPath = "/etc/taskvisor/task" }},
		{"application and daemon share a socket", func(p *pod) { p.containers()[1].Env[0].Value += "x" }},
		{"application and daemon share a socket", func(p *pod) { p.containers()[1].SecurityContext.RunAsUser = other(1000) }},
		{"application and daemon share a socket", func(p *pod) { p.containers()[1].VolumeMounts = nil }},
		{"application and daemon share a socket", func(p *pod) { p.template.Spec.SecurityContext.FSGroup = nil }},
		{"resources", func(p *pod) { delete(p.sidecar().Resources.Limits, corev1.ResourceMemory) }},
		{"resources", func(p *pod) {
			p.sidecar().Resources.Limits[corev1.ResourceCPU] = p.sidecar().Resources.Requests[corev1.ResourceCPU]
		}},
		{"resources", func(p *pod) { p.sidecar().Env[0].ValueFrom.ResourceFieldRef.Resource = "limits.memory" }},
		{"resources", func(p *pod) { p.sidecar().Env = nil }},
		{"security", func(p *pod) { p.template.Spec.SecurityContext.RunAsUser = other(0) }},
		{"security", func(p *pod) { p.containers()[1].SecurityContext.Capabilities = nil }},
		{"security", func(p *pod) { p.sidecar().SecurityContext.ReadOnlyRootFilesystem = nil }},
		{"security", func(p *pod) { p.template.Spec.AutomountServiceAccountToken = nil }},
		{"security", func(p *pod) { p.template.Spec.EnableServiceLinks = nil }},
		{"ports are those of flags", func(p *pod) { p.sidecar().Ports = nil }},
		{"ports are those of flags", func(p *pod) { p.sidecar().Ports[0].ContainerPort++ }},
		{"ports of others lead somewhere", func(p *pod) { p.services[0].Spec.Ports[0].TargetPort.IntVal++ }},
		{"ports of others lead somewhere", func(p *pod) { p.policies[0].Spec.Ingress[0].Ports[0].Port.IntVal++ }},
		{"ports of others lead somewhere", func(p *pod) { p.policies[0].Spec.PodSelector.MatchLabels["x"] = "y" }},
		{"ports of others lead somewhere", func(p *pod) { p.policies[0].Spec.Ingress = nil }},
	} {
		p := right.copy()
		if change.make(p); len(checks[change.check](p)) == 0 {
			t.Errorf("%q finds nothing", change.check)
		}
	}
}
