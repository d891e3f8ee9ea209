//! Elastic Load Balancing, as far as a preflight looks at it.

use serde_json::{Value, json};

use crate::world::World;

impl World {
    fn short(&mut self) -> String {
        self.ground.identifiers.short().chars().take(16).collect()
    }

    /// Adds a target group and gives its ARN.
    pub(crate) fn add_target_group(&mut self, name: &str, port: u16, health_path: &str) -> String {
        let id = self.short();
        let arn = self.ground.names.target_group(name, &id);
        let group = json!({
            "TargetGroupArn": arn,
            "TargetGroupName": name,
            "Protocol": "HTTP",
            "Port": port,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": "traffic-port",
            "HealthCheckEnabled": true,
            "HealthCheckIntervalSeconds": 30,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 2,
            "HealthCheckPath": health_path,
            "Matcher": { "HttpCode": "200" },
            "LoadBalancerArns": [],
            "TargetType": "ip",
        });
        self.target_groups.insert(arn.clone(), group);
        arn
    }

    /// Adds a load balancer that listens at a port of this machine and sends everything to a target group.
    pub(crate) fn add_load_balancer(&mut self, name: &str, group: &str, port: u16) {
        let id = self.short();
        let arn = self.ground.names.load_balancer(name, &id);
        if let Some(arns) =
            self.target_groups.get_mut(group).and_then(|group| group.get_mut("LoadBalancerArns"))
        {
            *arns = json!([arn]);
        }
        let balancer = json!({
            "LoadBalancerArn": arn,
            "DNSName": "127.0.0.1",
            "LoadBalancerName": name,
            "Scheme": "internet-facing",
            "State": { "Code": "active" },
            "Type": "application",
        });
        let listener: Value = json!([{
            "ListenerArn": arn.replace(":loadbalancer/", ":listener/"),
            "LoadBalancerArn": arn,
            "Port": port,
            "Protocol": "HTTP",
            "DefaultActions": [{ "Type": "forward", "TargetGroupArn": group }],
        }]);
        self.balancers.insert(arn.clone(), balancer);
        self.listeners.insert(arn, listener);
    }
}
