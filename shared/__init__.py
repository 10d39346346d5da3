"""What the backends share: problems, the interface, the harness, the reports. No formula twice."""
