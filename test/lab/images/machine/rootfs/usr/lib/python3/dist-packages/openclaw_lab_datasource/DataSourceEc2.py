"""cloud-init's Ec2 data source on a machine without EC2's DMI data, by which it would choose version 2 of the metadata
service."""

from cloudinit import sources
from cloudinit.sources import DataSourceEc2 as ec2


class DataSourceEc2(ec2.DataSourceEc2):
    @property
    def cloud_name(self):
        return ec2.CloudNames.AWS


def get_datasource_list(depends):
    return sources.list_from_depends(depends, [(DataSourceEc2, (sources.DEP_FILESYSTEM, sources.DEP_NETWORK))])
